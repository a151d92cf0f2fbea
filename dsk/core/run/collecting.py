"""The groups of a training step: sampled, refilled, filtered and saved, as one unit of work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from dsk.core.run.allocation import allocate
from dsk.core.run.assembly import Parts
from dsk.core.run.batches import Batches
from dsk.core.run.failures import KEPT_STEP
from dsk.core.run.ledger import Ledger
from dsk.core.run.records import write_packed
from dsk.core.run.sampling import Sampling
from dsk.core.run.solutions import scored_tokens
from dsk.core.run.stored_groups import read_groups, step_file, write_groups
from dsk.core.run.stored_trees import TREES, write_trees
from dsk.core.run.work import Work
from dsk.core.sampling.filtering import without_garbled
from dsk.core.sampling.subsets import trained_subset
from dsk.core.seeding import derive_seed
from dsk.core.types import Group, Problem


class Collecting:
    """What a step trains on."""

    def __init__(self, parts: Parts, ledger: Ledger, work: Work, sampling: Sampling) -> None:
        self.parts, self.ledger, self.work, self.sampling = parts, ledger, work, sampling
        self.spec = ledger.spec
        self._news: dict[str, dict[str, float]] = {}

    @property
    def has_groups(self) -> bool:
        """Whether this step's groups are saved already, so that a resume goes on with them."""
        return self.ledger.state.collected > self.ledger.state.step

    def collect(self, batches: Batches) -> list[Group]:
        """The groups of one step: sampled, or read back where a resume finds them saved."""
        state = self.ledger.state
        path = step_file(self.ledger.folder, state.step)
        if self.has_groups:
            return read_groups(path)
        groups, drawn, charge, dropped = self._sampled(batches)
        write_groups(path, groups)
        if self.spec.keep == "trees":
            write_trees(step_file(self.ledger.folder, state.step, TREES), groups)
        if dropped:
            self._keep_filtered(dropped)
        self.ledger.charge(**charge)
        self.ledger.advance(collected=state.step + 1, drawn=state.drawn + drawn)
        return groups

    def _sampled(self, batches: Batches) -> tuple[list[Group], int, Mapping[str, int], list[dict[str, Any]]]:
        """Groups, the problems drawn for them, the tokens to charge, and what was filtered.

        Groups without signal are replaced by those of further problems, where the spec says so.
        """
        state, spec, self._news = self.ledger.state, self.spec.train, {}
        problems = batches.batch(state.drawn)
        size, drawn, taken = len(problems), len(problems), {p.id for p in problems}
        groups, charge, dropped = self._sample(problems)
        found = self._with_signal(groups) if spec.refill else groups
        rounds = 0
        while rounds < spec.refill and len(found) < size:
            further = batches.further(state.drawn + drawn, size - len(found))
            fresh = list({p.id: p for p in further if p.id not in taken}.values())  # a pass may begin in between
            if not fresh:
                break
            rounds, drawn, taken = rounds + 1, drawn + len(further), taken | {p.id for p in fresh}
            more, cost, gone = self._sample(fresh)
            charge.update(cost)
            dropped += gone
            found += self._with_signal(more)
        if rounds:
            self.ledger.emit("refilled", step=state.step, rounds=rounds, problems=len(taken), groups=len(found))
        kept = found or groups
        self.ledger.remember(self._news)
        self.ledger.remember({group.problem.id: {KEPT_STEP: float(state.step)} for group in kept})
        return kept, drawn, charge, dropped

    def _with_signal(self, groups: Sequence[Group]) -> list[Group]:
        signals = self.parts.learner.signals(groups)
        return [group for group, signal in zip(groups, signals, strict=True) if signal]

    def _sample(self, problems: Sequence[Problem]) -> tuple[list[Group], Counter[str], list[dict[str, Any]]]:
        """What is trained of the problems' groups, the tokens they took, and what was filtered out."""
        state = self.ledger.state
        phase = "rollouts" if self.spec.rollout.values == "none" else "search"
        with self.work(phase):
            sizes = self._sizes(problems)
            jobs = [
                self.sampling.job(p, state.round, state.step, samples=n) for p, n in zip(problems, sizes, strict=True)
            ]
        groups, charge = self.sampling.run(phase, jobs)
        self._news |= self._news_of(groups)
        sound, dropped = without_garbled(groups, self.spec.filter, self.parts.policy.decode)
        trained = [trained_subset(g, self.spec.train.subset, self._subset_seed(g.problem)) for g in sound]
        return trained, Counter(charge) + Counter(scored=scored_tokens(groups)), dropped

    def _subset_seed(self, problem: Problem) -> int:
        return derive_seed(self.spec.seed, "subset", self.ledger.state.step, problem.id)

    def _sizes(self, problems: Sequence[Problem]) -> Sequence[int | None]:
        if self.spec.train.allocate == "equal":
            return [None] * len(problems)
        rates = [self.ledger.recall(p.id).get("pass_rate", 0.0) for p in problems]
        return allocate(rates, len(problems) * self.spec.rollout.group_size())

    def _news_of(self, groups: Sequence[Group]) -> dict[str, dict[str, float]]:
        """What groups leave for later ones, and the pass rates that fresh responses to prompts tell, by problem."""
        round_ = float(self.ledger.state.round)
        news = {group.problem.id: {**group.history, "trained_round": round_} for group in groups}
        for group in groups:
            if group.origin == "direct" and group.verified and not any(t.given for t in group.trajectories):
                news[group.problem.id]["pass_rate"] = sum(t.correct for t in group.verified) / len(group.verified)
        return news

    def _keep_filtered(self, dropped: Sequence[Mapping[str, Any]]) -> None:
        step = self.ledger.state.step
        kept = step_file(self.ledger.folder, step, ".filtered")
        write_packed(kept, dropped)
        reasons, place = dict(Counter(row["reason"] for row in dropped)), str(kept.relative_to(self.ledger.folder))
        self.ledger.emit("filtered", step=step, samples=len(dropped), reasons=reasons, file=place)
