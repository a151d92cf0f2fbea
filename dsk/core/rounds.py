"""The one loop (DeepSearch Algorithm 1): screen, search or replay, update, screen again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dsk.core.errors import InterruptedRun
from dsk.core.run.batches import Batches
from dsk.core.run.estimates import Score
from dsk.core.run.folder import open_folder
from dsk.core.run.kept_run import Run
from dsk.core.run.ledger import EVALUATE, Ledger, Listener
from dsk.core.run.notebook import default_listener
from dsk.core.run.records import present, read_rates, write_jsonl
from dsk.core.run.screening import Screened
from dsk.core.run.session import Session
from dsk.core.sampling.scheduler import PART
from dsk.core.spec import RunSpec
from dsk.core.training.figures import peak_memory
from dsk.core.types import Group, Problem


def run(
    spec: RunSpec,
    folder: str | Path | None = None,
    *,
    resume: bool = False,
    listener: Listener | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    overrides: Sequence[str] = (),
) -> Run:
    """Train as `spec` says, in `folder` (default `runs/NAME`).

    `resume` continues a folder whose spec is the same. Raises InterruptedRun, with the state saved, after `should_stop`
    turns true; every other DskError leaves the last checkpoint to resume from. Without a `listener` a notebook shows
    progress, and elsewhere only notices are shown (`dsk.Silent()` does that everywhere). `overrides` is what `--set`
    put into `spec`, kept in the folder for a later `--resume`.
    """
    place = open_folder(spec, Path(folder) if folder else Path("runs") / spec.name, resume, overrides)
    with place.status(), Session(spec, place.path, listener or default_listener(), should_stop) as session:
        try:
            summary = _all_rounds(session)
        except InterruptedRun as interruption:
            session.save()
            raise InterruptedRun(f"{interruption}; state is saved in {place.path}, continue with --resume") from None
        session.finish(summary)
    return Run(place.path, summary)


def _all_rounds(session: Session) -> dict[str, Any]:
    """Algorithm 1 between two evaluations; the run's summary."""
    held_out = _held_out(session)
    before = _score_once(session, "before", held_out)
    for round_ in range(session.ledger.state.round, session.spec.rounds.count):
        hard = _hard_set(session, round_)
        if not hard or not session.ledger.may_begin("round", round_):
            break
        _train_round(session, round_, hard, held_out)
        _close_round(session, round_, hard)
    return _summary(session, before, _score_once(session, "after", held_out))


def _hard_set(session: Session, round_: int) -> list[Problem]:
    """The round's hard problems: screened now in round 0, by the round before otherwise."""
    problems = session.parts.train.problems
    if session.ledger.state.screened <= round_:
        _screen_into(session, round_, list(problems.values()))
    return [problems[row.id] for row in read_rates(_hard_set_file(session, round_), problems)]


def _hard_set_file(session: Session, round_: int) -> Path:
    return session.folder / "rounds" / str(round_) / "hard_set.jsonl"


def _screen_into(session: Session, round_: int, problems: Sequence[Problem]) -> list[str]:
    """Pass1@K of `problems` under the present policy; writes the round's hard set and returns its ids (eqs. 8-9)."""
    folder = session.folder / "rounds" / str(round_)
    rates = session.sampling.screen(session.parts.train, problems, folder / "screen.jsonl", "screen", round_)
    hard = [name for name, found in rates.items() if session.is_hard(found.rate)]
    write_jsonl(folder / "hard_set.jsonl", [{"id": name, "rate": rates[name].rate} for name in hard])
    session.ledger.emit("screened", round=round_, problems=len(problems), hard=len(hard), **_means(rates.values()))
    session.ledger.advance(screened=round_ + 1)
    return hard


def _means(screened: Iterable[Screened]) -> dict[str, float]:
    """Mean rate of a screening, and the mean score where rewards are graded."""
    found = list(screened)
    scores = [s.score for s in found if s.score is not None]
    return {"mean_rate": _mean(s.rate for s in found), **({"mean_score": _mean(scores)} if scores else {})}


def _train_round(session: Session, round_: int, hard: Sequence[Problem], held_out: Sequence[Problem]) -> None:
    """The round's steps: a batch of hard problems, their groups, the updates, the new weights to the engine."""
    ledger = session.ledger
    rates = {row.id: row.rate for row in read_rates(_hard_set_file(session, round_))}
    batches = Batches(session.spec, round_, hard, rates)
    _score_on_the_way(session, held_out)  # a resume may find the last step's evaluation missing
    while ledger.state.collected > ledger.state.step or not batches.is_over(
        ledger.state.drawn, ledger.state.round_step
    ):
        if not ledger.may_begin("step", ledger.state.step):
            return
        groups = session.collecting.collect(batches)
        figures = session.update(groups)
        session.sync()
        _count_step(ledger, groups)
        ledger.emit("groups", step=ledger.state.step, round=round_, **_outcomes(groups))
        ledger.emit("step", step=ledger.state.step, round=round_, **_step_figures(session, groups, figures))
        _score_on_the_way(session, held_out)
        if ledger.state.step % session.spec.checkpoint_every == 0:
            session.save()


def _count_step(ledger: Ledger, groups: Sequence[Group]) -> None:
    """One more step is finished, and the next one has no updates yet."""
    state = ledger.state
    ledger.advance(
        step=state.step + 1,
        round_step=state.round_step + 1,
        mini_batch=0,
        step_updates=(),
        round_solved=state.round_solved + sum(g.solved for g in groups) - _replayed(groups),
        round_filtered=state.round_filtered + _filtered(groups),
    )


def _replayed(groups: Sequence[Group]) -> int:
    return sum(g.origin == "cached" for g in groups)


def _filtered(groups: Sequence[Group]) -> int:
    return sum(int(g.stats["filtered"]) for g in groups)


def _score_on_the_way(session: Session, held_out: Sequence[Problem]) -> None:
    """Evaluate where the spec says so, unless a resume finds it done."""
    every, state = session.spec.evaluate.every, session.ledger.state
    if every and held_out and state.step % every == 0 and state.evaluated < state.step:
        session.sampling.evaluate(f"step_{state.step}", held_out)
        session.ledger.advance(evaluated=state.step)


def _close_round(session: Session, round_: int, hard: Sequence[Problem]) -> None:
    """Screen the hard set with the new policy, and cache what search found for problems that stay hard."""
    cached = session.parts.solutions.known(hard)  # what the round began with: admission comes last
    aged = session.parts.solutions.aged(hard)
    still_hard = _screen_into(session, round_ + 1, hard)
    admitted = session.admit(set(still_hard))
    problems, solutions = session.parts.solutions.cache.count()
    state = session.ledger.state
    session.ledger.emit(
        "round",
        round=round_,
        hard=len(hard),
        cached=cached,
        aged=aged,
        unsolved=len(hard) - cached,
        steps=state.round_step,
        solved=state.round_solved,
        filtered=state.round_filtered,
        still_hard=len(still_hard),
        admitted=admitted,
        cached_problems=problems,
        cached_solutions=solutions,
    )
    session.save(round=round_ + 1, round_step=0, drawn=0, round_solved=0, round_filtered=0)


def _held_out(session: Session) -> list[Problem]:
    """The test problems to judge on: those the starting policy finds hard, chosen once and kept on disk."""
    problems = list(session.parts.held_out.problems.values())
    if not session.spec.evaluate.hard_only or not problems:
        return problems
    path = session.folder / "rounds" / "held_out.jsonl"
    if not path.is_file():
        file = path.with_name("held_out_screen.jsonl")
        rates = session.sampling.screen(session.parts.held_out, problems, file, "held-out", phase=EVALUATE)
        write_jsonl(path, [{"id": name, "rate": s.rate} for name, s in rates.items() if session.is_hard(s.rate)])
    chosen = {row.id for row in read_rates(path, {p.id for p in problems})}
    return [p for p in problems if p.id in chosen]


def _score_once(session: Session, when: str, problems: Sequence[Problem]) -> Score | None:
    """Evaluate before or after, unless a resume finds it done."""
    scores = session.ledger.state.scores
    if when in scores:
        return Score(**scores[when])  # type: ignore[arg-type]  # JSON keeps its integers
    if not problems:
        return None
    score = session.sampling.evaluate(when, problems)
    session.ledger.advance(scores={**scores, when: present(score)})
    return score


def _outcomes(groups: Sequence[Group]) -> dict[str, list[Any]]:
    """What became of each problem of a step: where its responses came from, and how many of them are correct."""
    return {
        "problems": [g.problem.id for g in groups],
        "origins": [g.origin for g in groups],
        "correct": [sum(t.correct for t in g.trajectories) for g in groups],
        "responses": [len(g.trajectories) for g in groups],
    }


def _step_figures(session: Session, groups: Sequence[Group], figures: Mapping[str, Any]) -> dict[str, Any]:
    """Counts are integers; a mean is over the groups that have the figure, and left out where none has."""
    trajectories = [t for g in groups for t in g.trajectories]
    state = session.ledger.state
    began = state.version - len(session.mini_batches(groups))
    return {
        "problems": len(groups),
        "solved": sum(g.solved for g in groups),
        "replayed": _replayed(groups),
        "trajectories": len(trajectories),
        "group_reward": _mean(t.reward for t in trajectories),
        "trajectory_entropy": _mean(t.entropy for t in trajectories),
        "filtered": _filtered(groups),
        "stale_samples": sum(t.version < began for t in trajectories if t.origin != "cached"),
        **_tree_figures(groups),
        **{f"update_{name}": value for name, value in figures.items()},
        **session.ledger.budgets(),
        "phase_seconds": session.ledger.spent_seconds(),
        "scored_tokens": state.scored_tokens,
        "trained_tokens": state.trained_tokens,
        "engine": asdict(session.parts.engine.stats()),
        "peak_memory_bytes": peak_memory(session.parts.policy.device),
    }


def _tree_figures(groups: Sequence[Group]) -> dict[str, float]:
    """`tree_NAME`: each statistic of the groups, averaged over those that have it; `part_NAME` those of verdicts."""
    names = dict.fromkeys(name for g in groups for name in g.stats if name != "filtered")
    titles = {name: name if name.startswith(PART) else f"tree_{name}" for name in sorted(names)}
    return {title: _mean(g.stats[name] for g in groups if name in g.stats) for name, title in titles.items()}


def _summary(session: Session, before: Score | None, after: Score | None) -> dict[str, Any]:
    ledger, state = session.ledger, session.ledger.state
    problems, solutions = session.parts.solutions.cache.count()
    return {
        "name": session.spec.name,
        "seed": session.spec.seed,
        "before": asdict(before) if before else None,
        "after": asdict(after) if after else None,
        "hard_only": session.spec.evaluate.hard_only,
        "rounds": [{k: v for k, v in r.items() if k not in ("event", "seq", "time")} for r in ledger.rounds],
        "steps": state.step,
        "updates": state.updates,
        "skipped_updates": state.version - state.updates,
        "cached_problems": problems,
        "cached_solutions": solutions,
        "sampled_tokens": state.sampled_tokens,
        "prefix_tokens": state.prefix_tokens,
        "scored_tokens": state.scored_tokens,
        "trained_tokens": state.trained_tokens,
        "screening_tokens": state.screening_tokens,
        "model_tokens": state.model_tokens,
        "computed_tokens": state.computed_tokens,
        "seconds": ledger.spent_seconds(),
        "peak_memory_bytes": peak_memory(session.parts.policy.device),
        "engine": asdict(session.parts.engine.stats()),
    }


def _mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return sum(numbers) / len(numbers) if numbers else 0.0
