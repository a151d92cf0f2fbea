"""Measuring at a fixed policy.

1. The groups' gradients add up to the update's; the reference estimator's expectation is the gradient of the expected
   reward, by enumeration.
2. A sketch keeps products, exactly where it is long enough.
3. A gradient study and an exploration study of the bundled model, interrupted and continued, give one table.
"""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from dsk.cli.app import app
from dsk.compare.fixed.measuring import measure
from dsk.compare.fixed.planning import plan_fixed, reference_folder
from dsk.compare.fixed.records import read_batches, read_first_solutions, read_reference, read_vectors
from dsk.compare.fixed.sketch import Sketch
from dsk.compare.planning import plan_runs
from dsk.compare.study import load_study
from dsk.components.advantages import NodeAdvantage, OutcomeAdvantage
from dsk.components.losses import Reinforce, TreeGRPO
from dsk.core.errors import DataError, InterruptedRun
from dsk.core.run.ledger import Silent
from dsk.core.spec import TrainSpec
from dsk.core.training.trainer import Trainer
from dsk.core.types import Group, Problem
from tests.tiny_models import tiny_policy
from tests.tree_rows import VOCABULARY, random_group, trajectory

PROMPT = (3, 2)
ACTIONS = 7
BASE = {
    "name": "base",
    "model": {"path": "bundled:tiny-reasoner", "device": "cpu"},
    "task": {"kind": "arithmetic", "min_steps": 3, "max_steps": 4, "train_problems": 6, "test_problems": 4},
    "max_response_tokens": 48,
    "rollout": {"width": 2, "max_depth": 3, "step_tokens": 16, "max_expansions": 8, "trajectories": 4},
    "train": {"batch_problems": 4, "mini_batch_problems": 2, "advantage": {"kind": "monte_carlo"}},
}
DIRECT = {"rollout": {"kind": "direct", "samples": 4}, "train.advantage": {"kind": "outcome"}}


def flat(gradients):
    return torch.cat([g.reshape(-1) for g in gradients]).double()


def gradient(trainer, groups):
    found = {}
    trainer.gradients(groups, lambda index, _, gradients: found.update({index: flat(gradients)}))
    return found


@pytest.mark.parametrize("weight", ["trajectory", "unique"])
def test_the_groups_gradients_add_up_to_that_of_the_update(weight):
    groups = [random_group(seed) for seed in range(3)]
    train = TrainSpec.model_validate(
        {"loss": TreeGRPO.model_validate({}), "advantage": NodeAdvantage(), "weight": weight, "micro_batch_tokens": 40}
    )
    made = tiny_policy("qwen3", vocab=VOCABULARY)
    trainer = Trainer(made, train, 32)
    before = flat([p.detach() for p in made.model.parameters()])
    shares = gradient(trainer, groups)
    assert set(shares) == {0, 1, 2}
    assert torch.equal(flat([p.detach() for p in made.model.parameters()]), before)
    assert trainer.updates == 0
    record = trainer.update(groups)
    assert record is not None
    assert float(sum(shares.values()).norm()) == pytest.approx(record["grad_norm"], rel=1e-5)


def test_the_reference_estimator_has_the_gradient_of_the_expected_reward_as_its_mean():
    """One-token responses in pairs, each pair weighted by its probability, against automatic differentiation."""
    policy = tiny_policy(vocab=ACTIONS, seed=3)
    rewards = np.linspace(-1, 1, ACTIONS) ** 3
    logits = policy.model(torch.tensor([PROMPT])).logits[0, -1]
    chances = logits.softmax(-1)
    (chances.double() @ torch.from_numpy(rewards)).backward()
    exact = flat([torch.zeros_like(p) if p.grad is None else p.grad for p in policy.model.parameters()])
    policy.model.zero_grad(set_to_none=True)
    train = {
        "loss": Reinforce.model_validate({"aggregation": "fixed_length"}),
        "advantage": OutcomeAdvantage.model_validate({"normalisation": "leave_one_out"}),
    }
    trainer = Trainer(policy, TrainSpec.model_validate(train), 1)
    logs = chances.detach().double().log().tolist()
    mean = torch.zeros_like(exact)
    for pair in itertools.product(range(ACTIONS), repeat=2):
        members = tuple(trajectory((a,), rewards[a], (rewards[a],), logs[a]) for a in pair)
        group = Group(Problem("p", "", ""), PROMPT, members, "direct")
        for share in gradient(trainer, [group]).values():
            mean -= np.exp(sum(logs[a] for a in pair)) * share
    assert float((mean - exact).norm() / exact.norm()) < 1e-4


def test_a_sketch_keeps_products_and_loses_nothing_where_it_is_long_enough():
    random = torch.Generator().manual_seed(0)
    first, second = (torch.randn(20_000, generator=random) + 0.3 for _ in range(2))
    parts = [first[:5000].reshape(50, 100), first[5000:]]
    device = torch.device("cpu")
    short, long = Sketch(20_000, 4096, device), Sketch(20_000, 20_000, device)
    exact = float(first @ second)
    assert short.of(parts).shape == (4096,)
    assert torch.allclose(short.of(parts), short.of([first]), atol=1e-4)
    lengths = float(first.norm() * second.norm())
    assert abs(float(short.of([first]) @ short.of([second])) - exact) < 4 * (2 / 4096) ** 0.5 * lengths
    assert float(long.of([first]) @ long.of([second])) == pytest.approx(exact, rel=1e-4)


def study_file(folder, **fields):
    folder.mkdir(exist_ok=True)
    path = folder / "study.json"
    path.write_text(json.dumps({"name": "s", "base": BASE, "seeds": [0], "baseline": "direct"} | fields))
    return path


GRADIENT = {
    "mode": "gradient",
    "arms": {"direct": DIRECT, "tree": {}},
    "gradient": {"problems": 4, "rate_samples": 8, "reference_samples": 8, "parts": 4, "batches": 9, "dimensions": 512},
}
EXPLORATION = {
    "mode": "search",
    "arms": {
        "direct": {"rollout": {"kind": "direct", "samples": 4}},
        "tree": {},
        "fork": {"rollout": {"kind": "branch"}},
    },
    "exploration": {"problems": 4, "rate_samples": 8, "tokens": 300},
}


def planned(folder, **fields):
    path = study_file(folder, **fields)
    study = load_study(path)
    return plan_fixed(study, plan_runs(study, str(path), folder / "runs"), str(path), folder / "runs")


def run_all(runs, should_stop=lambda: False):
    for run in runs:
        resume = (run.folder / "spec.json").is_file()
        measure(run.spec, run.folder, run.work, resume=resume, listener=Silent(), should_stop=should_stop)


def test_a_gradient_run_that_was_interrupted_goes_on_to_the_same_batches(tmp_path):
    whole, cut = (planned(tmp_path / name, **GRADIENT) for name in ("whole", "cut"))
    run_all(whole[:2])
    run_all(cut[:1])
    arm = cut[1]
    with pytest.raises(InterruptedRun):
        run_all([arm], should_stop=lambda: len(read_batches(arm.folder)) >= 4)
    assert len(read_batches(arm.folder)) == 4
    run_all([arm])
    assert [b.batch for b in read_batches(arm.folder)] == list(range(9))
    for first, second in zip(read_batches(whole[1].folder), read_batches(arm.folder), strict=True):
        assert [g.id for g in first.groups] == [g.id for g in second.groups]
        assert [g.model_tokens for g in first.groups] == pytest.approx([g.model_tokens for g in second.groups])
        vectors = (read_vectors(run.folder, first.batch) for run in (whole[1], arm))
        assert np.allclose(*vectors, atol=1e-5)


def test_an_arm_does_not_begin_before_its_reference_is_there(tmp_path):
    _, arm, *_ = planned(tmp_path, **GRADIENT)
    with pytest.raises(DataError, match="the run that all arms refer to is not finished"):
        run_all([arm])


def test_arms_take_the_same_problems_and_each_batch_is_charged_to_its_groups(tmp_path):
    runs = planned(tmp_path, **GRADIENT)
    run_all(runs)
    direct, tree = (read_batches(run.folder) for run in runs[1:])
    assert [[g.id for g in b.groups] for b in direct] == [[g.id for g in b.groups] for b in tree]
    known = {row.id for row in read_reference(reference_folder(runs[1].folder))}
    assert len(known) == 4
    assert {g.id for b in direct for g in b.groups} <= known
    for batch in direct:
        assert len(batch.groups) == 2
        for place, group in enumerate(batch.groups):
            assert group.silent == (place not in batch.rows)
            assert group.model_tokens > 0
    loud = [g.model_tokens for b in direct for g in b.groups if not g.silent]
    silent = [g.model_tokens for b in direct for g in b.groups if g.silent]
    assert not (loud and silent) or np.mean(loud) > np.mean(silent)


def test_every_problem_is_searched_until_it_is_solved_or_its_tokens_are_spent(tmp_path):
    runs = planned(tmp_path, **EXPLORATION)
    run_all(runs)
    for run in runs[1:]:
        rows = read_first_solutions(run.folder)
        assert [row.id for row in rows] == [row.id for row in read_reference(runs[0].folder)]
        for row in rows:
            assert row.tokens >= 300 if row.first is None else 0 < row.first <= row.tokens


@pytest.mark.full
@pytest.mark.parametrize(("fields", "told"), [(GRADIENT, "unit step"), (EXPLORATION, "first solutions per M")])
def test_dsk_compare_runs_the_reference_first_and_prints_the_tables(tmp_path, fields, told):
    path = study_file(tmp_path, **fields)
    command = ["compare", str(path), "--runs", str(tmp_path / "runs"), "--jobs", "1", "--format", "markdown"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert done.output.index("reference, seed 0: finished") < done.output.index("direct, seed 0: started")
    assert told in done.output
    assert "By pass rate" in done.output
    again = CliRunner().invoke(app, [*command[:-1], "json", "--no-run"])
    rows = json.loads(again.stdout)
    assert {row["arm"] for row in rows} == set(fields["arms"])
