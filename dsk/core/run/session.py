"""An open run: every part of a spec assembled, and the verbs that the loop in `rounds.py` is written in.

What a run does comes in units: a chunk of a screening, the sampling of a step, one update, one evaluation. Each begins
from what is on disk and in the state, and with an engine that remembers nothing, is charged when it is whole, and after
an interruption is done again from its beginning. So a resumed run equals an uninterrupted one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np

from dsk.core.errors import EngineError, InterruptedRun, NonFiniteLossError
from dsk.core.model.adapters import plain_weights
from dsk.core.model.policy import load_policy
from dsk.core.run.checkpoint import latest_checkpoint, load_checkpoint, save_checkpoint, save_final
from dsk.core.run.doubts import doubts, too_many_steps
from dsk.core.run.estimates import Score, score
from dsk.core.run.ledger import EVALUATE, Ledger, Listener
from dsk.core.run.notices import notices
from dsk.core.run.records import read_groups, write_groups, write_json, write_jsonl, write_packed
from dsk.core.run.screening import Screened, add_rates, known_rates, roll_back
from dsk.core.run.solutions import Solutions, scored_tokens
from dsk.core.run.splits import Split, distinct_tokens, encode_split, read_problems, shared_problems
from dsk.core.sampling.filtering import without_garbled
from dsk.core.sampling.responses import DirectRollouts
from dsk.core.sampling.scheduler import Job, Scheduler
from dsk.core.sampling.tree_search import TreeSearch
from dsk.core.seeding import derive_seed
from dsk.core.spec import RunSpec, SamplingSpec
from dsk.core.training.figures import put_together
from dsk.core.training.trainer import Trainer, check_sampling
from dsk.core.types import Group, Problem

SCREEN_CHUNK = 512
PLACE = ("event", "seq", "time", "step", "mini_batch")
"""What a record of an update says beside the update's figures."""


class Session:
    """Policy, trainer, engine, verifier, solutions and ledger of one run; use as a context manager."""

    def __init__(self, spec: RunSpec, folder: Path, listener: Listener, should_stop: Callable[[], bool]) -> None:
        self.spec, self.folder, self.listener, self.should_stop = spec, folder, listener, should_stop
        self.ledger = Ledger(spec, folder, listener)
        self._stack = ExitStack()

    def __enter__(self) -> Session:
        with ExitStack() as stack:
            with self.ledger.clock.phase("load"):
                self._open(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def _open(self, stack: ExitStack) -> None:
        spec, ledger = self.spec, self.ledger
        stack.callback(ledger.close)  # last of all: closing the cache may still give notices
        stack.enter_context(notices(ledger.notice))
        check_sampling(spec.train, spec.sampling)
        problems = read_problems(spec)
        self.policy = load_policy(spec.model)
        self.train, self.held_out = (encode_split(found, self.policy, spec) for found in problems)
        if (told := shared_problems(self.train, self.held_out)) is not None:
            ledger.notice(told)
        shaping = (spec.soft_clip, spec.overlong)
        self.trainer = Trainer(
            self.policy, spec.train, spec.max_response_tokens, *shaping, temperature=spec.sampling.temperature
        )
        restored = self._restore()
        self.verifier = stack.enter_context(spec.verifier.open())
        cache_keys = (spec.task.identity, spec.verifier.identity)
        cache = stack.enter_context(spec.cache.open(str(self.folder), *cache_keys))
        self.solutions = Solutions(cache, self.verifier, self.policy, self.trainer, ledger)
        self.engine = stack.enter_context(spec.engine.open(self.policy))
        ledger.watchers += [stack.enter_context(t.open(str(self.folder), spec.dump())).log for t in spec.trackers]
        stack.callback(ledger.watchers.__delitem__, slice(1, None))
        if ledger.open() or restored:
            self._resume()
        ledger.tell_early(doubts(spec))

    def _restore(self) -> bool:
        path = latest_checkpoint(self.folder / "checkpoints")
        if path is None:
            return False
        state, optimizer = load_checkpoint(path, self.policy.model)
        self.ledger.restore(state)
        self.trainer.load_state_dict(optimizer)
        return True

    def _resume(self) -> None:
        """Forget what a crash left beyond the checkpoint, and say so in the records."""
        state = self.ledger.state
        self.ledger.check_reaches()
        self.solutions.roll_back()
        for path in self.folder.glob("trees/*.jsonl.zst"):
            if int(path.name.split(".")[0]) >= state.collected:
                path.unlink()
        roll_back(self.folder, state.version)
        self.ledger.roll_back()
        self.engine.sync(self.policy, state.version)

    def save(self, **changes: Any) -> None:
        """Advance the run's state and write a checkpoint."""
        ledger = self.ledger
        with ledger.clock.phase("checkpoint"):
            ledger.advance(**changes, event_seq=ledger.next_seq, seconds=ledger.clock.read())
            save_checkpoint(self.folder / "checkpoints", ledger.state, self.policy.model, self.trainer.state_dict())
            self.solutions.drop_rejected()

    @contextmanager
    def work(self, phase: str) -> Iterator[None]:
        """Count seconds and computed tokens towards a phase; evaluation's tokens are nobody's."""
        before = self._computed()
        try:
            with self.ledger.clock.phase(phase):
                yield
        finally:
            if phase != EVALUATE:
                computed = self.ledger.state.computed_tokens + self._computed() - before
                self.ledger.advance(computed_tokens=computed)

    def _computed(self) -> int:
        return self.engine.stats().forward_tokens + self.trainer.computed_tokens

    def sample(self, phase: str, jobs: Sequence[Job]) -> tuple[list[Group], dict[str, int]]:
        """Run jobs on an engine that remembers nothing; their groups, and the tokens to charge for them.

        Given tokens are charged as an ideal cache encodes them: what prompts have in common once, and nothing that was
        sampled.
        """
        scheduler = Scheduler(
            self.engine,
            self.verifier,
            self.policy.decode,
            self.spec.tokens_in_flight,
            lambda progress: self.listener.progress(phase, progress),
            self.should_stop,
        )
        with self.work(phase):
            self.engine.forget()
            groups = scheduler.run(jobs)
        return groups, {"sampled": scheduler.sampled_tokens, "prefix": distinct_tokens(scheduler.prompts)}

    def direct(self, split: Split, problem: Problem, n: int, sampling: SamplingSpec, *purpose: object) -> Job:
        """Direct rollouts of a problem, seeded by purpose."""
        seed = derive_seed(self.spec.seed, *purpose, problem.id)
        return DirectRollouts(problem, split.prompts[problem.id], n, sampling, self.spec.max_response_tokens, seed)

    def screen(
        self, split: Split, problems: Sequence[Problem], file: Path, *purpose: object, phase: str = "screen"
    ) -> dict[str, float]:
        """Share of correct answers among K direct rollouts of each problem (Pass1@K), read from `file` where known."""
        version = self.ledger.state.version
        known, rates, prefix = known_rates(file, version), dict[str, Screened](), 0
        for start in range(0, len(problems), SCREEN_CHUNK):
            chunk = problems[start : start + SCREEN_CHUNK]
            if any(p.id not in known for p in chunk):
                samples, sampling = self.spec.screen.samples, self.spec.sampling
                groups, _ = self.sample(phase, [self.direct(split, p, samples, sampling, *purpose) for p in chunk])
                if phase != EVALUATE and start == 0:
                    self._doubt_depth(groups)
                known |= add_rates(file, groups, version)
            rates |= {p.id: known[p.id] for p in chunk}
            prefix += distinct_tokens([split.prompts[p.id] for p in chunk])
        if phase != EVALUATE:
            sampled = sum(found.tokens for found in rates.values())
            self.ledger.charge(sampled=sampled, prefix=prefix)
            self.ledger.advance(screening_tokens=self.ledger.state.screening_tokens + sampled + prefix)
        return {name: found.rate for name, found in rates.items()}

    def _doubt_depth(self, groups: Sequence[Group]) -> None:
        """Say once, before anything is searched, that most answers cannot fit a tree."""
        if self.ledger.state.step or self.spec.mode == "direct" or not self.spec.search.boundary.stop_strings:
            return
        ended = (t.tokens for g in groups for t in g.trajectories if t.stop == "eos")
        told = too_many_steps(self.spec, [self.policy.decode(tokens) for tokens in ended])
        if told is not None:
            self.ledger.notice(told)

    def is_hard(self, rate: float) -> bool:
        """Whether a pass rate puts a problem into the hard set (eq. 9)."""
        bound = self.spec.screen.threshold
        return rate <= bound if self.spec.screen.comparison == "<=" else rate < bound

    def evaluate(self, when: str, problems: Sequence[Problem]) -> Score:
        """Held-out pass@1 with fresh samples; recorded."""
        settings = self.spec.evaluate
        sampling = SamplingSpec(temperature=settings.temperature, top_p=settings.top_p)
        jobs = [self.direct(self.held_out, p, settings.samples, sampling, "evaluate", when) for p in problems]
        groups, _ = self.sample(EVALUATE, jobs)
        result = score([g.stats["solved_share"] for g in groups], settings.samples)
        truncated = sum(g.stats["truncated"] for g in groups) / max(len(groups) * settings.samples, 1)
        rows = [{"id": g.problem.id, "rate": g.stats["solved_share"]} for g in groups]
        write_jsonl(self.folder / "rounds" / f"evaluation_{when}.jsonl", rows)
        device = str(self.policy.device)
        spent = self.ledger.budgets()
        self.ledger.emit("evaluation", when=when, truncated=truncated, device=device, **spent, **asdict(result))
        return result

    def job(self, problem: Problem, round_: int, step: int, replay: bool = True) -> Job:
        """What a training step samples for a problem: replay and direct rollouts, a tree, or direct rollouts alone."""
        spec = self.spec
        seed = derive_seed(spec.seed, "train", round_, step, problem.id)
        prompt, total = self.train.prompts[problem.id], spec.search.trajectories
        cached = self.solutions.replayed(problem, prompt, total) if replay and spec.replay else []
        if cached or spec.mode == "direct":
            direct = (spec.sampling, spec.max_response_tokens, seed, cached)
            return DirectRollouts(problem, prompt, total - len(cached), *direct)
        return TreeSearch(problem, prompt, spec.search, spec.sampling, spec.max_response_tokens, seed)

    def collect(self, problems: Sequence[Problem]) -> list[Group]:
        """The groups of one step: sampled, or read back where a resume finds them saved."""
        state = self.ledger.state
        path = self.folder / "trees" / f"{state.step:06d}.jsonl.zst"
        if state.collected > state.step:
            return read_groups(path)
        phase = "search" if self.spec.mode == "search" else "rollouts"
        with self.work(phase):
            jobs = [self.job(p, state.round, state.step) for p in problems]
        sampled, charge = self.sample(phase, jobs)
        groups, dropped = without_garbled(sampled, self.spec.filter, self.policy.decode)
        write_groups(path, groups)
        if dropped:
            self._keep_filtered(path, dropped)
        self.ledger.charge(**charge, scored=scored_tokens(sampled))
        self.ledger.advance(collected=state.step + 1)
        return groups

    def _keep_filtered(self, trees: Path, dropped: Sequence[Mapping[str, Any]]) -> None:
        step = self.ledger.state.step
        kept = trees.with_name(f"{step:06d}.filtered.jsonl.zst")
        write_packed(kept, dropped)
        reasons, place = dict(Counter(row["reason"] for row in dropped)), str(kept.relative_to(self.folder))
        self.ledger.emit("filtered", step=step, samples=len(dropped), reasons=reasons, file=place)

    def mini_batches(self, groups: Sequence[Group]) -> list[Sequence[Group]]:
        """The groups of a step, cut into those of one update each."""
        size = self.spec.train.mini_batch_problems
        return [groups[i : i + size] for i in range(0, len(groups), size)]

    def update(self, groups: Sequence[Group]) -> dict[str, Any]:
        """All mini-batch updates of a step, continuing where a resume left off; their figures put together."""
        ledger, batches = self.ledger, self.mini_batches(groups)
        if ledger.state.anchored <= ledger.state.step and len(batches) > 1:
            with self.work("train"):
                ledger.charge(scored=self.trainer.anchor(groups))
            ledger.advance(anchored=ledger.state.step + 1)
        for batch in batches[ledger.state.mini_batch :]:
            with self.work("train"):
                record = self._checked_update(batch)
            if record is None:
                raise InterruptedRun("interrupted while training")
            ledger.emit("update", step=ledger.state.step, mini_batch=ledger.state.mini_batch, **record)
            self._count_update(record)
        self.trainer.anchor(())
        since = takewhile(lambda r: r["event"] != "step", reversed(ledger.records))
        updates = [{k: v for k, v in r.items() if k not in PLACE} for r in since if r["event"] == "update"]
        return put_together(updates[::-1])

    def _count_update(self, record: Mapping[str, Any]) -> None:
        ledger, unique = self.ledger, int(record["unique_tokens"])
        ledger.charge(trained=unique, scored=unique if self.spec.train.loss.needs_reference else 0)
        state = ledger.state
        ledger.advance(mini_batch=state.mini_batch + 1, version=state.version + 1, updates=int(record["update"]))

    def _checked_update(self, batch: Sequence[Group]) -> Mapping[str, Any] | None:
        try:
            return self.trainer.update(batch, self.should_stop)
        except NonFiniteLossError as error:
            path = self.folder / "bad_batch.jsonl.zst"
            write_groups(path, batch)
            last = latest_checkpoint(self.folder / "checkpoints")
            raise NonFiniteLossError(
                f"step {self.ledger.state.step}: {error}; batch written to {path}; last good checkpoint:"
                f" {last or 'none'}"
            ) from error

    def sync(self) -> None:
        """Give the engine the new weights and compare both on a probe. Raises EngineError beyond the bound."""
        version = self.ledger.state.version
        with self.work("sync"):
            self.engine.sync(self.policy, version)
            probe = next(iter(self.train.prompts.values()))[: self.policy.max_length]
            if len(probe) < 2:
                return
            gap = float(np.abs(np.subtract(self.engine.score(probe), self.trainer.score(probe))).max())
        self.ledger.charge(scored=2 * len(probe))
        self.ledger.emit("sync", version=version, probe_error=gap)
        if not gap <= self.spec.probe_bound:
            raise EngineError(
                f"after weight sync {version} engine and trainer differ by {gap:.3g} in log-probability,"
                f" more than probe_bound = {self.spec.probe_bound}: the engine holds stale or wrong weights"
            )

    def admit(self, hard: set[str]) -> int:
        """Cache this round's solutions of problems that are still hard (Algorithm 1). How many were new."""
        state = self.ledger.state
        steps = range(state.step - state.round_step, state.step)
        files = ((step, self.folder / "trees" / f"{step:06d}.jsonl.zst") for step in steps)
        return self.solutions.admit(((step, group) for step, file in files for group in read_groups(file)), hard)

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Write the trained model and `summary.json`."""
        merged = dict(plain_weights(self.policy.model)) if self.spec.model.lora_rank else None
        save_final(self.folder / "final", self.policy.model, self.policy.tokenizer, merged)
        write_json(self.folder / "summary.json", summary)
        self.ledger.emit("finished", step=self.ledger.state.step)
