"""What a practitioner would say: each rule speaks where its trouble is, is silent elsewhere, and names a field."""

from typing import Any

import pytest

from dsk.core.loading import parse_spec
from dsk.report.advice import RULES, advise
from dsk.report.seen import Seen

SPEC = parse_spec(
    {"name": "calm", "model": {"path": "bundled:tiny-reasoner"}, "task": {"kind": "arithmetic"}}, "test"
).dump()
CALM = {
    "problems": 10, "solved": 6, "trajectories": 80, "filtered": 1, "stale_samples": 0, "group_reward": 0.1,
    "trajectory_entropy": 0.5, "update_loss": 0.01, "update_applied": 4, "update_groups": 10,
    "update_skipped_groups": 3, "update_clip_low": 0.01, "update_clip_high": 0.02, "update_clip_dual": 0.0,
    "update_ratio_max": 2.0, "update_grad_norm": 0.3, "screening_tokens": 1000,
}  # fmt: skip
HELD_OUT = {"pass_at_1": 0.5, "low": 0.45, "high": 0.55, "problems": 200, "truncated": 0.01}


def steps(*changes: dict[str, Any], count: int = 8) -> list[dict[str, Any]]:
    """`count` calm steps, the last of them with `changes` in turn."""
    calm = [{**CALM, "step": i + 1, "updates": 4 * (i + 1), "model_tokens": 8000 * (i + 1)} for i in range(count)]
    for place, change in enumerate(changes):
        calm[count - len(changes) + place] |= change
    return calm


def evaluations(*changes: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**HELD_OUT, "updates": 16 * place, **change} for place, change in enumerate(changes)]


def seen(**changes: Any) -> Seen:
    calm = {"steps": steps(), "evaluations": evaluations({}, {"pass_at_1": 0.6, "low": 0.55, "high": 0.65})}
    return Seen(SPEC, **{**calm, **changes})


TROUBLE: dict[str, tuple[dict[str, Any], str, str]] = {
    "figures_not_numbers": (
        {"steps": steps({"update_loss": None})}, "The loss was not a number at step 8.", "train.optimizer.lr"),
    "held_out_worse_than_before": (
        {"evaluations": evaluations({}, {"pass_at_1": 0.4, "low": 0.35, "high": 0.45})},
        "Held-out pass@1 is 40.0%, below the 50.0%", "train.optimizer.lr"),
    "reward_up_held_out_down": (
        {"evaluations": evaluations({}, {"pass_at_1": 0.7, "low": 0.65, "high": 0.75}, {"pass_at_1": 0.55}),
         "steps": steps(*[{"group_reward": 0.9}] * 3)},
        "fell from 70.0% to 55.0%", "rounds.max_updates"),
    "nothing_applied": (
        {"steps": steps({"update_applied": 0}, {"update_applied": 0})}, "in the last 2 steps", "train.refill"),
    "groups_silent": (
        {"steps": steps(*[{"update_skipped_groups": 10}] * 2)}, "All groups were silent", "train.refill"),
    "clip_share_high": (
        {"steps": steps(*[{"update_clip_low": 0.4, "update_clip_high": 0.2}] * 2)},
        "60% of the trained tokens were clipped", "train.optimizer.lr"),
    "ratios_extreme": (
        {"steps": steps(*[{"update_ratio_max": 2000.0}] * 2)}, "2,000 times as likely", "train.loss.correction"),
    "gradient_spiked": ({"steps": steps({"update_grad_norm": 40.0})}, "40 at step 8", "train.optimizer.grad_clip"),
    "probe_near_bound": ({"syncs": [{"probe_error": 0.04}]}, "differ by 0.04", "model.dtype"),
    "entropy_collapsed": (
        {"steps": steps(*[{"trajectory_entropy": 0.02}] * 2)}, "from 0.500 to 0.020 nats", "train.loss.clip_high"),
    "responses_truncated": (
        {"evaluations": evaluations({"truncated": 0.3})}, "30% of the held-out responses", "max_response_tokens"),
    "samples_filtered": (
        {"steps": steps(*[{"filtered": 40}] * 2)}, "33% of the responses", "sampling.temperature"),
    "samples_stale": ({"steps": steps(*[{"stale_samples": 60}] * 4)}, "75% of the trained responses", "screen.reuse"),
    "rarely_solved": (
        {"steps": steps({"solved": 1}, {"solved": 0})}, "Only 1 of the last 20 problems", "rollout.max_expansions"),
    "screening_costs_most": (
        {"steps": steps({"screening_tokens": 60000})}, "Screening took 94% of the model tokens", "screen.problems"),
    "interval_wide": (
        {"evaluations": evaluations({"low": 0.3, "high": 0.7})}, "known to ±20 points only", "evaluate.samples"),
    "nothing_hard_left": (
        {"screenings": [{"hard": 0, "problems": 16}]}, "none of 16 problems hard", "screen.threshold"),
}  # fmt: skip


def test_of_a_calm_run_nothing_is_said():
    assert advise(seen()) == []


def test_of_a_run_that_has_not_begun_nothing_is_said():
    assert advise(Seen(SPEC, (), ())) == []


def test_every_rule_has_its_trouble_here():
    assert {rule.__name__ for rule in RULES} == set(TROUBLE)


@pytest.mark.parametrize("rule", TROUBLE)
def test_a_rule_says_what_it_saw_and_which_field_to_turn(rule):
    changes, words, field = TROUBLE[rule]
    [advice] = [found for one in RULES if one.__name__ == rule and (found := one(seen(**changes))) is not None]
    assert words in advice.sentence
    assert advice.field == field
    assert advice.turn


@pytest.mark.parametrize("rule", [name for name in TROUBLE if name not in ("held_out_worse_than_before",)])
def test_one_trouble_is_one_advice(rule):
    assert len(advise(seen(**TROUBLE[rule][0]))) == 1


@pytest.mark.parametrize("rule", TROUBLE)
def test_the_field_is_one_that_the_spec_has(rule):
    changes, _, field = TROUBLE[rule]
    spoken = [advice.field for advice in advise(seen(**changes))]
    assert field in spoken
    where, _, name = field.rpartition(".")
    part = seen().setting(where) if where else SPEC
    assert name in part


def test_a_loss_without_clipping_is_not_told_to_turn_it():
    spec = {**SPEC, "train": {**SPEC["train"], "loss": {"kind": "reinforce"}}}
    [advice] = advise(Seen(spec, steps(*[{"trajectory_entropy": 0.02}] * 2), ()))
    assert advice.field == "sampling.temperature"
