"""What a practitioner would say who looks at the run: a sentence with figures, and the field of the spec to turn."""

from __future__ import annotations

from collections.abc import Callable
from statistics import fmean, median

from dsk.report.seen import Advice, Seen, early, late


def entropy_collapsed(seen: Seen) -> Advice | None:
    """Entropy of what is sampled at less than a fifth of where it began (DAPO, section 3.1, shows the course)."""
    entropy = seen.figures("trajectory_entropy")
    if len(entropy) < 4 or fmean(late(entropy)) >= 0.2 * fmean(early(entropy)):
        return None
    sentence = (
        f"Entropy fell from {fmean(early(entropy)):.3f} to {fmean(late(entropy)):.3f} nats a token,"
        " less than a fifth of where it began: the policy hardly explores any more."
    )
    path = seen.first_set("train.loss.clip_high", "train.loss.entropy_coef", "sampling.temperature")
    return Advice(sentence, path, "raise it, or lower train.optimizer.lr")


def clip_share_high(seen: Seen) -> Advice | None:
    """More than half of what is trained is clipped, so that it moves nothing."""
    names = ("update_clip_low", "update_clip_high", "update_clip_dual")
    shares = [sum(step.get(name) or 0.0 for name in names) for step in seen.steps if step.get(names[1]) is not None]
    if not shares or fmean(late(shares)) <= 0.5:
        return None
    sentence = (
        f"{fmean(late(shares)):.0%} of the trained tokens were clipped in the last steps: more than half move nothing."
    )
    return Advice(sentence, "train.optimizer.lr", "lower it, or raise train.mini_batch_problems (fewer updates a step)")


def ratios_extreme(seen: Seen) -> Advice | None:
    """Some token is many times as likely in training as it was when sampled."""
    highest = seen.figures("update_ratio_max")
    if not highest or median(late(highest)) <= 50:
        return None
    sentence = (
        f"Some trained tokens became {median(late(highest)):,.0f} times as likely as when they were sampled,"
        " in the usual step of the last quarter."
    )
    if seen.setting("train.loss.correction") == "none":
        return Advice(sentence, "train.loss.correction", 'set it to "truncate", or lower train.optimizer.lr')
    return Advice(sentence, "train.optimizer.lr", "lower it, or raise train.mini_batch_problems (fewer updates a step)")


def responses_truncated(seen: Seen) -> Advice | None:
    """More than a tenth of the held-out responses did not end."""
    if not seen.evaluations or seen.evaluations[-1]["truncated"] <= 0.1:
        return None
    limit = seen.setting("max_response_tokens")
    sentence = (
        f"{seen.evaluations[-1]['truncated']:.0%} of the held-out responses were cut at {limit} tokens, unfinished."
    )
    return Advice(sentence, "max_response_tokens", "raise it, or set overlong.buffer so that length costs reward")


def groups_silent(seen: Seen) -> Advice | None:
    """Four fifths of the groups, or all, have equal rewards and teach nothing."""
    pairs = [(step.get("update_skipped_groups"), step.get("update_groups")) for step in seen.steps]
    shares = [silent / groups for silent, groups in pairs if groups and silent is not None]
    if not shares or fmean(late(shares)) < 0.8:
        return None
    share = fmean(late(shares))
    what = "All groups were silent" if share == 1 else f"{share:.0%} of the groups were silent"
    sentence = (
        f"{what} in the last steps: every response of a problem had the same reward, so nothing was learnt from it."
    )
    return Advice(sentence, "train.refill", "raise it, or take problems of other difficulty (screen.threshold)")


def reward_up_held_out_down(seen: Seen) -> Advice | None:
    """The held-out share is below its peak's interval, and training reward has risen since."""
    if len(seen.evaluations) < 2:
        return None
    peak, last = max(seen.evaluations, key=lambda e: e["pass_at_1"]), seen.evaluations[-1]
    before = [s["group_reward"] for s in seen.steps if s["updates"] <= peak["updates"]] or seen.figures("group_reward")
    if last["pass_at_1"] >= peak["low"] or not before or fmean(late(seen.figures("group_reward"))) <= before[-1]:
        return None
    sentence = (
        f"Training reward rose while held-out pass@1 fell from {peak['pass_at_1']:.1%} to {last['pass_at_1']:.1%}:"
        " the policy fits its training problems, or the reward is not what is judged."
    )
    return Advice(sentence, "rounds.max_updates", f"stop near {peak['updates']:,.0f}, or take more training problems")


def held_out_worse_than_before(seen: Seen) -> Advice | None:
    """Held-out pass@1 below the first evaluation's interval."""
    if len(seen.evaluations) < 2 or seen.evaluations[-1]["pass_at_1"] >= seen.evaluations[0]["low"]:
        return None
    first, last = seen.evaluations[0]["pass_at_1"], seen.evaluations[-1]["pass_at_1"]
    sentence = f"Held-out pass@1 is {last:.1%}, below the {first:.1%} that the run began with."
    return Advice(sentence, "train.optimizer.lr", "lower it; training has made the model worse")


def gradient_spiked(seen: Seen) -> Advice | None:
    """A gradient norm of more than ten times the usual."""
    norms = seen.figures("update_grad_norm")
    if len(norms) < 4 or max(norms) <= 10 * median(norms):
        return None
    step = next(s["step"] for s in seen.steps if s.get("update_grad_norm") == max(norms))
    sentence = (
        f"The gradient norm was {max(norms):.3g} at step {step}, more than ten times the usual {median(norms):.3g}."
    )
    return Advice(
        sentence, "train.optimizer.grad_clip", f"keep it near {median(norms):.2g}, or raise warmup_steps beside it"
    )


def figures_not_numbers(seen: Seen) -> Advice | None:
    """A loss that was no number, which the records hold as null."""
    lost = [step["step"] for step in seen.steps if "update_loss" in step and step["update_loss"] is None]
    if not lost:
        return None
    sentence = f"The loss was not a number at step {lost[0]}" + (f" and {len(lost) - 1} more." if lost[1:] else ".")
    return Advice(sentence, "train.optimizer.lr", 'lower it, or set model.dtype to "float32"')


def nothing_applied(seen: Seen) -> Advice | None:
    """Steps in which no update changed the weights."""
    applied = late(seen.figures("update_applied"))
    if len(seen.steps) < 2 or not applied or any(applied):
        return None
    sentence = f"No update changed the weights in the last {len(applied)} steps: there was nothing to learn from."
    return Advice(sentence, "train.refill", "raise it, so that groups without signal are replaced")


def probe_near_bound(seen: Seen) -> Advice | None:
    """Engine and trainer differ by more than half of what is allowed."""
    gaps = [sync["probe_error"] for sync in seen.syncs if sync.get("probe_error") is not None]
    bound = seen.setting("probe_bound")
    if not gaps or not bound or max(gaps) <= bound / 2:
        return None
    sentence = (
        f"Engine and trainer gave log-probabilities that differ by {max(gaps):.2g},"
        f" more than half of the {bound:g} at which a run stops."
    )
    return Advice(sentence, "model.dtype", 'set it to "float32", or raise probe_bound if the engine rounds by design')


def samples_stale(seen: Seen) -> Advice | None:
    """Half of what was trained is older than the step's policy."""
    shares = [
        s["stale_samples"] / s["trajectories"] for s in seen.steps if s.get("stale_samples") and s["trajectories"]
    ]
    if len(shares) < len(seen.steps) / 4 or not shares or fmean(late(shares)) <= 0.5:
        return None
    sentence = f"{fmean(late(shares)):.0%} of the trained responses were sampled under an older policy."
    return Advice(sentence, "screen.reuse", "set it to false, or make rounds shorter (rounds.steps)")


def samples_filtered(seen: Seen) -> Advice | None:
    """A fifth of the responses is garbled or loops."""
    total = [(s["filtered"], s["filtered"] + s["trajectories"]) for s in seen.steps if "trajectories" in s]
    recent = late(range(len(total)))
    gone, of = (sum(total[int(i)][part] for i in recent) for part in (0, 1))
    if not of or gone / of <= 0.2:
        return None
    sentence = f"{gone / of:.0%} of the responses of the last steps were filtered out as garbled or looping."
    return Advice(sentence, "sampling.temperature", "lower it; the examples below show what was filtered")


def screening_costs_most(seen: Seen) -> Advice | None:
    """Screening took more than half of all tokens."""
    last = seen.steps[-1] if seen.steps else {}
    spent, screening = last.get("model_tokens", 0), last.get("screening_tokens", 0)
    if not spent or screening / spent <= 0.5:
        return None
    sentence = f"Screening took {screening / spent:.0%} of the model tokens, more than all that was trained on."
    return Advice(sentence, "screen.problems", "bound it, or lower screen.samples")


def nothing_hard_left(seen: Seen) -> Advice | None:
    """The last screening found no hard problem, so that the run had nothing more to train on."""
    if not seen.screenings or seen.screenings[-1]["hard"]:
        return None
    of = seen.screenings[-1]["problems"]
    sentence = f"The last screening found none of {of} problems hard: a further round would have nothing to train on."
    return Advice(sentence, "screen.threshold", "raise it, or take harder or more training problems (task)")


def rarely_solved(seen: Seen) -> Advice | None:
    """Search finds a solution of fewer than a tenth of its problems."""
    recent = list(seen.steps[-max(len(seen.steps) // 4, 1) :])
    problems, solved = (sum(step[name] for step in recent) for name in ("problems", "solved"))
    if not problems or solved / problems >= 0.1:
        return None
    sentence = f"Only {solved} of the last {problems} problems had a correct response: there is little to learn from."
    path = seen.first_set("rollout.max_expansions", "rollout.trajectories", "rollout.samples", "rollout")
    return Advice(sentence, path, "raise it, or take easier problems (screen.threshold, task)")


def interval_wide(seen: Seen) -> Advice | None:
    """The held-out share is known to no better than 8 points."""
    if not seen.evaluations:
        return None
    last = seen.evaluations[-1]
    half = (last["high"] - last["low"]) / 2
    if half <= 0.08:
        return None
    sentence = f"Held-out pass@1 is known to ±{100 * half:.0f} points only, from {last['problems']} problems."
    return Advice(sentence, "evaluate.samples", "raise it, and judge on more problems (evaluate.problems, task)")


RULES: tuple[Callable[[Seen], Advice | None], ...] = (
    figures_not_numbers, held_out_worse_than_before, reward_up_held_out_down, nothing_applied, groups_silent,
    clip_share_high, ratios_extreme, gradient_spiked, probe_near_bound, entropy_collapsed, responses_truncated,
    samples_filtered, samples_stale, rarely_solved, screening_costs_most, interval_wide, nothing_hard_left,
)  # fmt: skip


def advise(seen: Seen) -> list[Advice]:
    """What the rules say, the gravest first."""
    return [advice for rule in RULES if (advice := rule(seen)) is not None]
