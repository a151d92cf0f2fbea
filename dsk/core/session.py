"""An open run: every part of a spec assembled, and the verbs that the loop in `rounds.py` is written in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from dsk.core.checkpoint import latest_checkpoint, load_checkpoint, save_checkpoint, save_final
from dsk.core.direct import DirectRollouts, whole_response
from dsk.core.errors import DataError, EngineError, InterruptedRun, NonFiniteLossError
from dsk.core.evaluate import Score, score
from dsk.core.filtering import without_garbled
from dsk.core.ledger import Ledger, Listener
from dsk.core.lora import plain_weights
from dsk.core.notices import notices
from dsk.core.policy import load_policy
from dsk.core.records import EventLog, read_groups, write_groups, write_json, write_jsonl, write_packed
from dsk.core.scheduler import Job, Scheduler
from dsk.core.screening import add_rate, known_rates, roll_back, screened_tokens
from dsk.core.search import TreeSearch
from dsk.core.seeding import derive_seed
from dsk.core.spec import RunSpec, SamplingSpec
from dsk.core.trainer import Trainer, check_sampling
from dsk.core.types import CachedSolution, Group, Problem, Trajectory

SCREEN_CHUNK = 512


class Session(Ledger):
    """Policy, trainer, engine, verifier, cache and records of one run; use as a context manager."""

    def __init__(self, spec: RunSpec, folder: Path, listener: Listener, should_stop: Callable[[], bool]) -> None:
        super().__init__(spec, folder, listener)
        self.should_stop = should_stop
        self._stack = ExitStack()

    def __enter__(self) -> Session:
        with ExitStack() as stack:
            self._open(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def _open(self, stack: ExitStack) -> None:
        spec = self.spec
        stack.callback(self._close_events)  # last of all: closing the cache may still give notices
        stack.enter_context(notices(self._notice))
        check_sampling(spec.train, spec.sampling)
        self.problems = {p.id: p for p in self._train_problems()}
        self.policy = load_policy(spec.model)
        self._check_lengths()
        shaping = (spec.soft_clip, spec.overlong)
        self.trainer = Trainer(
            self.policy, spec.train, spec.max_response_tokens, *shaping, temperature=spec.sampling.temperature
        )
        optimizer = self._restore()
        if optimizer is not None:
            self.trainer.load_state_dict(optimizer)
        self.verifier = stack.enter_context(spec.verifier.open())
        cache_keys = (spec.task.identity, spec.verifier.identity)
        self.cache = stack.enter_context(spec.cache.open(str(self.folder), *cache_keys))
        self.engine = stack.enter_context(spec.engine.open(self.policy))
        self._watchers += [stack.enter_context(t.open(str(self.folder), spec.dump())).log for t in spec.trackers]
        stack.callback(self._watchers.__delitem__, slice(1, None))
        events = self._open_events()
        if optimizer is not None or events.seq:
            self._resume(events)
        for text in self._early:
            self.emit("notice", text=text)

    def _restore(self) -> dict[str, Any] | None:
        path = latest_checkpoint(self.folder / "checkpoints")
        if path is None:
            return None
        self.state, optimizer = load_checkpoint(path, self.policy.model)
        self._seconds = dict(self.state.seconds)
        return optimizer

    def _resume(self, events: EventLog) -> None:
        """Forget what a crash left beyond the checkpoint, and say so in the records."""
        events.check_reaches(self.state.event_seq)
        # solutions enter the cache at the end of their round: what this round or a later one gave came too early
        self.cache.rollback(self.spec.name, self.state.step - self.state.round_step - 1)
        for path in self.folder.glob("trees/*.jsonl.zst"):
            if int(path.name.split(".")[0]) >= self.state.collected:
                path.unlink()
        roll_back(self.folder, self.state.version)
        self.emit("resumed", from_seq=self.state.event_seq, step=self.state.step, round=self.state.round)
        self.engine.sync(self.policy, self.state.version)

    def _train_problems(self) -> list[Problem]:
        limit = self.spec.screen.problems
        problems: list[Problem] = []
        for problem in self.spec.task.problems("train"):
            problems.append(problem)
            if limit and len(problems) == limit:
                break
        if not problems:
            raise DataError("task: no training problems; check its path and fields")
        return problems

    def _check_lengths(self) -> None:
        """Encode every prompt once, so that one too long is refused before anything runs."""
        self.prompts = {p.id: self.policy.prompt_tokens(p, self.spec.prompt) for p in self.problems.values()}
        longest = max(self.prompts.values(), key=len)
        total = len(longest) + self.spec.max_response_tokens
        if total > self.policy.max_length:
            raise DataError(
                f"max_response_tokens: prompt of {len(longest)} tokens + response of {self.spec.max_response_tokens}"
                f" is {total}, more than the model's context of {self.policy.max_length}; lower max_response_tokens"
            )

    def save(self, **changes: Any) -> None:
        """Advance the run's state and write a checkpoint."""
        assert self._events is not None
        self.advance(**changes)
        self.state = self.state.advance(event_seq=self._events.seq, seconds=dict(self._seconds))
        with self.phase("checkpoint"):
            save_checkpoint(self.folder / "checkpoints", self.state, self.policy.model, self.trainer.state_dict())

    def sample(self, phase: str, jobs: Sequence[Job], finished: Callable[[Group], None] | None = None) -> list[Group]:
        """Run jobs on the engine; tokens are counted in the state, those of a screening by `finished`."""
        before = self.engine.stats()
        scheduler = Scheduler(
            self.engine,
            self.verifier,
            self.policy.decode,
            self.spec.tokens_in_flight,
            lambda progress: self.listener.progress(phase, progress),
            self.should_stop,
        )
        with self.phase(phase):
            groups = scheduler.run(jobs, finished) if finished else scheduler.run(jobs)
        after = self.engine.stats()
        if phase != "evaluate":
            decoded = 0 if finished else after.decoded_tokens - before.decoded_tokens
            self.advance(
                sampled_tokens=self.state.sampled_tokens + decoded,
                encoded_tokens=self.state.encoded_tokens + after.encoded_tokens - before.encoded_tokens,
            )
        return groups

    def direct(self, problem: Problem, n: int, sampling: SamplingSpec, *purpose: object) -> DirectRollouts:
        """Direct rollouts of a problem, seeded by purpose."""
        prompt = self.prompts.get(problem.id) or self.policy.prompt_tokens(problem, self.spec.prompt)
        seed = derive_seed(self.spec.seed, *purpose, problem.id)
        return DirectRollouts(problem, prompt, n, sampling, self.spec.max_response_tokens, seed)

    def screen(
        self, problems: Sequence[Problem], file: Path, *purpose: object, phase: str = "screen"
    ) -> dict[str, float]:
        """Share of correct answers among K direct rollouts of each problem (Pass1@K), read from `file` where known."""
        version = self.state.version
        rates = known_rates(file, version)
        if phase == "screen":  # what a crash left on disk and not in the counters
            found = screened_tokens(self.folder)[self.state.screened :]
            self._count_screened(sum(found), len(found))

        def finished(group: Group) -> None:
            rates[group.problem.id], tokens = add_rate(file, group, version)
            if phase == "screen":
                self._count_screened(tokens, 1)

        todo = [p for p in problems if p.id not in rates]
        for start in range(0, len(todo), SCREEN_CHUNK):
            chunk = todo[start : start + SCREEN_CHUNK]
            jobs = [self.direct(p, self.spec.screen.samples, self.spec.sampling, *purpose) for p in chunk]
            self.sample(phase, jobs, finished)
        return {p.id: rates[p.id] for p in problems}

    def _count_screened(self, tokens: int, rows: int) -> None:
        state = self.state
        self.advance(sampled_tokens=state.sampled_tokens + tokens, screened=state.screened + rows)

    def is_hard(self, rate: float) -> bool:
        """Whether a pass rate puts a problem into the hard set (eq. 9)."""
        bound = self.spec.screen.threshold
        return rate <= bound if self.spec.screen.comparison == "<=" else rate < bound

    def evaluate(self, when: str, problems: Sequence[Problem]) -> Score:
        """Held-out pass@1 with fresh samples; recorded."""
        settings = self.spec.evaluate
        sampling = SamplingSpec(temperature=settings.temperature, top_p=settings.top_p)
        jobs = [self.direct(p, settings.samples, sampling, "evaluate", when) for p in problems]
        groups = self.sample("evaluate", jobs)
        result = score([g.stats["solved_share"] for g in groups], settings.samples, self.spec.seed)
        truncated = sum(g.stats["truncated"] for g in groups) / max(len(groups) * settings.samples, 1)
        rows = [{"id": g.problem.id, "rate": g.stats["solved_share"]} for g in groups]
        write_jsonl(self.folder / "rounds" / f"evaluation_{when}.jsonl", rows)
        device = str(self.policy.device)
        self.emit("evaluation", when=when, truncated=truncated, device=device, **self.budgets(), **asdict(result))
        return result

    def job(self, problem: Problem, round_: int, step: int) -> Job:
        """What a training step samples for a problem: replay and direct rollouts, a tree, or direct rollouts alone."""
        spec = self.spec
        seed = derive_seed(spec.seed, "train", round_, step, problem.id)
        prompt, total = self.prompts[problem.id], spec.search.trajectories
        cached = self._replayed(problem)[:total] if spec.replay else []
        if cached or spec.mode == "direct":
            direct = (spec.sampling, spec.max_response_tokens, seed, cached)
            return DirectRollouts(problem, prompt, total - len(cached), *direct)
        return TreeSearch(problem, prompt, spec.search, spec.sampling, spec.max_response_tokens, seed)

    def _replayed(self, problem: Problem) -> list[Trajectory]:
        """The problem's cached solutions that still verify, scored under the present policy."""
        solutions = self.cache.get(problem.id)
        verdicts = self.verifier.verify([(problem, s.text) for s in solutions]) if solutions else []
        rejected = [s for s, v in zip(solutions, verdicts, strict=True) if not v.correct]
        if rejected:
            self.emit("cache_rejected", problem=problem.id, solutions=self.cache.discard(rejected))
        prompt = self.prompts[problem.id]
        return [
            whole_response(s.tokens, self._score(prompt, s.tokens), True, "eos", self.state.version, "cached", v.answer)
            for s, v in zip(solutions, verdicts, strict=True)
            if v.correct
        ]

    def _score(self, prompt: tuple[int, ...], tokens: tuple[int, ...]) -> tuple[float, ...]:
        return tuple(self.trainer.score([*prompt, *tokens])[len(prompt) - 1 :])

    def collect(self, problems: Sequence[Problem]) -> list[Group]:
        """The groups of one step: sampled, or read back where a resume finds them saved."""
        path = self.folder / "trees" / f"{self.state.step:06d}.jsonl.zst"
        if path.is_file():
            return read_groups(path)
        jobs = [self.job(p, self.state.round, self.state.step) for p in problems]
        groups = self.sample("search" if self.spec.mode == "search" else "rollouts", jobs)
        groups, dropped = without_garbled(groups, self.spec.filter, self.policy.decode)
        write_groups(path, groups)
        if dropped:
            kept = path.with_name(f"{self.state.step:06d}.filtered.jsonl.zst")
            write_packed(kept, dropped)
            reasons = dict(Counter(row["reason"] for row in dropped))
            self.emit(
                "filtered",
                step=self.state.step,
                samples=len(dropped),
                reasons=reasons,
                file=str(kept.relative_to(self.folder)),
            )
        self.advance(collected=self.state.step + 1)
        return groups

    def mini_batches(self, groups: Sequence[Group]) -> list[Sequence[Group]]:
        """The groups of a step, cut into those of one update each."""
        size = self.spec.train.mini_batch_problems
        return [groups[i : i + size] for i in range(0, len(groups), size)]

    def update(self, groups: Sequence[Group]) -> dict[str, float]:
        """All mini-batch updates of a step, continuing where a resume left off; the means of their figures."""
        batches = self.mini_batches(groups)
        figures: list[Mapping[str, float]] = []
        if self.state.mini_batch == 0 and len(batches) > 1:
            with self.phase("train"):
                self.trainer.anchor(groups)
        for batch in batches[self.state.mini_batch :]:
            with self.phase("train"):
                record = self._checked_update(batch)
            if record is None:
                raise InterruptedRun("interrupted while training")
            self.emit("update", step=self.state.step, mini_batch=self.state.mini_batch, **record)
            self.advance(
                mini_batch=self.state.mini_batch + 1,
                version=self.state.version + 1,
                trained_tokens=self.state.trained_tokens + int(record["computed_tokens"]),
            )
            figures.append(record)
        self.trainer.anchor(())
        updates = [r for r in self.records() if r["event"] == "update" and r["step"] == self.state.step]
        names = {name: None for record in figures for name in record}
        return {name: float(np.mean([r[name] for r in updates if name in r])) for name in names}

    def _checked_update(self, batch: Sequence[Group]) -> Mapping[str, float] | None:
        try:
            return self.trainer.update(batch, self.should_stop)
        except NonFiniteLossError as error:
            path = self.folder / "bad_batch.jsonl.zst"
            write_groups(path, batch)
            last = latest_checkpoint(self.folder / "checkpoints")
            raise NonFiniteLossError(
                f"step {self.state.step}: {error}; batch written to {path}; last good checkpoint: {last or 'none'}"
            ) from error

    def sync(self) -> None:
        """Give the engine the new weights and compare both on a probe. Raises EngineError beyond the bound."""
        with self.phase("sync"):
            self.engine.sync(self.policy, self.state.version)
            probe = next(iter(self.prompts.values()))[: self.policy.max_length]
            if len(probe) < 2:
                return
            gap = float(np.abs(np.subtract(self.engine.score(probe), self.trainer.score(probe))).max())
        self.emit("sync", version=self.state.version, probe_error=gap)
        if not gap <= self.spec.probe_bound:
            raise EngineError(
                f"after weight sync {self.state.version} engine and trainer differ by {gap:.3g} in log-probability,"
                f" more than probe_bound = {self.spec.probe_bound}: the engine holds stale or wrong weights"
            )

    def admit(self, hard: set[str]) -> int:
        """Cache this round's solutions of problems that are still hard (Algorithm 1). How many were new."""
        first = self.state.step - self.state.round_step
        new: list[CachedSolution] = []
        for step in range(first, self.state.step):
            groups = read_groups(self.folder / "trees" / f"{step:06d}.jsonl.zst")
            new += [s for g in groups if g.problem.id in hard for s in self._solutions(g, step)]
        return self.cache.put(new)

    def _solutions(self, group: Group, step: int) -> Iterator[CachedSolution]:
        for t in group.trajectories:
            if t.reward > 0 and (t.origin == "search" or (self.spec.admit == "all" and t.origin == "direct")):
                text = self.policy.decode(t.tokens)
                place = (self.spec.name, self.state.round, step, t.version)
                yield CachedSolution(group.problem.id, t.tokens, t.logprobs, text, *place)

    def cached(self, problems: Sequence[Problem]) -> int:
        """How many of the problems are replayed from the cache rather than searched."""
        return sum(bool(self.cache.get(p.id)) for p in problems) if self.spec.replay else 0

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Write the trained model and `summary.json`."""
        merged = dict(plain_weights(self.policy.model)) if self.spec.model.lora_rank else None
        save_final(self.folder / "final", self.policy.model, self.policy.tokenizer, merged)
        write_json(self.folder / "summary.json", summary)
        self.emit("finished", step=self.state.step)
