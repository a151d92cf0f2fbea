"""What a run samples, in whole units: a chunk of a screening, the groups of a step, an evaluation.

A unit begins with an engine that remembers nothing and is charged when it is whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from dsk.core.roles import Job, Known, Setting
from dsk.core.run.assembly import Parts
from dsk.core.run.estimates import Score, score
from dsk.core.run.failures import Failures
from dsk.core.run.ledger import EVALUATE, Ledger
from dsk.core.run.records import ProblemRate, present, write_jsonl
from dsk.core.run.screening import Screened, add_rates, known_rates
from dsk.core.run.splits import Split, distinct_tokens
from dsk.core.run.stored_groups import read_groups, write_groups
from dsk.core.run.work import Work
from dsk.core.sampling.questions import Answerers
from dsk.core.sampling.responses import Responses
from dsk.core.sampling.scheduler import Scheduler
from dsk.core.seeding import derive_seed
from dsk.core.spec import SamplingSpec
from dsk.core.types import Group, Problem, Trajectory

SCREEN_CHUNK = 512
SCREENED = "screened-"
"""Beginning of the names of files with a screening's responses, beside screen.jsonl."""


class Sampling:
    """Jobs of one run, and the engine that they run on."""

    def __init__(self, parts: Parts, ledger: Ledger, work: Work, should_stop: Callable[[], bool]) -> None:
        self.parts, self.ledger, self.work, self.should_stop = parts, ledger, work, should_stop
        self.spec, self.folder = ledger.spec, ledger.folder
        self.failures = Failures(self.folder)
        self._reused: dict[str, tuple[Trajectory, ...]] = {}
        self._reused_round = -1
        scorer = parts.scorer if self.spec.scorer.active else None
        repeatable, polls = self.spec.engine.repeatable, self.spec.answer_polls
        self.answerers = Answerers(parts.verifier, parts.policy.decode, scorer, repeatable, polls)

    def setting(self, sampling: SamplingSpec) -> Setting:
        """What the jobs of a unit share."""
        policy, scored = self.parts.policy, self.spec.scorer.active
        shared = (sampling, self.spec.max_response_tokens, self.spec.rewards.of)
        return Setting(*shared, policy.pieces, scored, policy.encode, keep_trees=self.spec.keep == "trees")

    def run(self, phase: str, jobs: Sequence[Job]) -> tuple[list[Group], dict[str, int]]:
        """Run jobs on an engine that remembers nothing; their groups, and the tokens to charge for them.

        Given tokens are charged as an ideal cache encodes them: what prompts have in common once, and nothing that was
        sampled.
        """
        watch = self.ledger.listener.progress
        progress = partial(watch, phase)
        scheduler = Scheduler(self.parts.engine, self.answerers, self.spec.tokens_in_flight, progress, self.should_stop)
        with self.work(phase):
            self.parts.engine.forget()
            groups = scheduler.run(jobs)
        given = distinct_tokens(scheduler.given)
        return groups, {"sampled": scheduler.sampled_tokens, "prefix": given, "scored": scheduler.scored_tokens}

    def direct(self, split: Split, problem: Problem, n: int, sampling: SamplingSpec, *purpose: object) -> Job:
        """Direct responses to a problem, seeded by purpose."""
        seed = derive_seed(self.spec.seed, *purpose, problem.id)
        return Responses(problem, Known(split.prompts[problem.id]), n, seed, self.setting(sampling))

    def job(self, problem: Problem, round_: int, step: int, *, replay: bool = True, samples: int | None = None) -> Job:
        """What a training step samples for a problem: `replay` where solutions are known, `rollout` elsewhere."""
        spec, parts = self.spec, self.parts
        seed = derive_seed(spec.seed, "train", round_, step, problem.id)
        prompt = parts.train.prompts[problem.id]
        solutions = parts.solutions.verified(problem) if replay else ()
        history = self.ledger.recall(problem.id)
        rollout = spec.replay if spec.replay is not None and solutions else spec.rollout
        known = Known(
            prompt,
            solutions=solutions,
            replay=partial(parts.solutions.replayed, prompt),
            pass_rate=history.get("pass_rate"),
            samples=samples,
            screened=self._screened(problem, round_) if history.get("trained_round") != round_ else (),
            history=history,
            failures=self.failures.of(problem.id, history) if rollout.uses_failures else (),
        )
        return rollout.start(problem, known, seed, self.setting(spec.sampling))

    def _screened(self, problem: Problem, round_: int) -> tuple[Trajectory, ...]:
        """The responses of the round's screening, where the spec reuses them."""
        if not self.spec.screen.reuse:
            return ()
        if self._reused_round != round_:
            files = sorted((self.folder / "rounds" / str(round_)).glob(f"{SCREENED}*"))
            self._reused = {g.problem.id: g.trajectories for file in files for g in read_groups(file)}
            self._reused_round = round_
        return self._reused.get(problem.id, ())

    def screen(
        self, split: Split, problems: Sequence[Problem], file: Path, *purpose: object, phase: str = "screen"
    ) -> dict[str, Screened]:
        """Share of correct answers among K direct rollouts of each problem (Pass1@K), read from `file` where known."""
        version = self.ledger.state.version
        known, rates, prefix = known_rates(file, version), dict[str, Screened](), 0
        for start in range(0, len(problems), SCREEN_CHUNK):
            chunk = problems[start : start + SCREEN_CHUNK]
            if any(p.id not in known for p in chunk):
                samples, sampling = self.spec.screen.samples, self.spec.sampling
                groups, _ = self.run(phase, [self.direct(split, p, samples, sampling, *purpose) for p in chunk])
                if phase != EVALUATE and start == 0:
                    self._doubt(groups)
                if self.spec.screen.reuse and phase != EVALUATE:
                    write_groups(file.with_name(f"{SCREENED}{start:06d}.jsonl.zst"), groups)
                known |= add_rates(file, groups, version, self.spec.rewards)
            rates |= {p.id: known[p.id] for p in chunk}
            prefix += distinct_tokens([split.prompts[p.id] for p in chunk])
        if phase != EVALUATE:
            sampled = sum(found.tokens for found in rates.values())
            self.ledger.charge(sampled=sampled, prefix=prefix)
            self.ledger.advance(screening_tokens=self.ledger.state.screening_tokens + sampled + prefix)
            self.ledger.remember({name: {"pass_rate": found.rate} for name, found in rates.items()})
        return rates

    def _doubt(self, groups: Sequence[Group]) -> None:
        """Say once, before anything is trained, that the rollout could not make most answers."""
        if self.ledger.state.step:
            return
        ended = (t.tokens for g in groups for t in g.trajectories if t.stop == "eos")
        told = self.spec.rollout.doubts_about([self.parts.policy.decode(tokens) for tokens in ended])
        if told is not None:
            self.ledger.notice(f"rollout{told}")

    def evaluate(self, when: str, problems: Sequence[Problem]) -> Score:
        """Held-out pass@1 with fresh samples; recorded."""
        settings = self.spec.evaluate
        sampling = SamplingSpec(temperature=settings.temperature, top_p=settings.top_p)
        held_out = self.parts.held_out
        jobs = [self.direct(held_out, p, settings.samples, sampling, "evaluate", when) for p in problems]
        groups, _ = self.run(EVALUATE, jobs)
        scores = [self.spec.rewards.mean_score([t.reward for t in g.trajectories]) for g in groups]
        result = score([g.stats["solved_share"] for g in groups], settings.samples, scores)
        truncated = sum(g.stats["truncated"] for g in groups) / max(len(groups) * settings.samples, 1)
        rates = [ProblemRate(g.problem.id, g.stats["solved_share"], s) for g, s in zip(groups, scores, strict=True)]
        write_jsonl(self.folder / "rounds" / f"evaluation_{when}.jsonl", map(present, rates))
        device = str(self.parts.policy.device)
        spent = self.ledger.budgets()
        self.ledger.emit("evaluation", when=when, truncated=truncated, device=device, **spent, **present(result))
        return result
