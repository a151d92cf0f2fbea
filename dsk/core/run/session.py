"""An open run: every part of a spec assembled, and the verbs that the loop in `rounds.py` is written in.

What a run does comes in units: a chunk of a screening, the sampling of a step, one update, one evaluation. Each begins
from what is on disk and in the state, and with an engine that remembers nothing, is charged when it is whole, and after
an interruption is done again from its beginning. So a resumed run equals an uninterrupted one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from dsk.core.errors import EngineError, InterruptedRun, NonFiniteLossError
from dsk.core.run.assembly import Parts, assemble
from dsk.core.run.checkpoint import latest_checkpoint, load_checkpoint, save_checkpoint, save_whole
from dsk.core.run.collecting import Collecting
from dsk.core.run.doubts import doubts
from dsk.core.run.ledger import Ledger, Listener
from dsk.core.run.notices import notices
from dsk.core.run.records import write_json
from dsk.core.run.sampling import Sampling
from dsk.core.run.screening import roll_back
from dsk.core.run.stored_groups import read_groups, step_file, write_groups
from dsk.core.run.work import Work
from dsk.core.spec import RunSpec
from dsk.core.training.figures import put_together
from dsk.core.training.learner import Learner
from dsk.core.types import Group


class Session:
    """Policy, trainer, engine, verifier, solutions and ledger of one run; use as a context manager."""

    parts: Parts
    sampling: Sampling
    collecting: Collecting
    work: Work

    def __init__(self, spec: RunSpec, folder: Path, listener: Listener, should_stop: Callable[[], bool]) -> None:
        self.spec, self.folder, self.should_stop = spec, folder, should_stop
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
        checkpoint = latest_checkpoint(self.folder / "checkpoints")
        self.parts = assemble(ledger, stack, lambda learner: self._restore(checkpoint, learner))
        self.work = Work(self.parts, ledger)
        self.sampling = Sampling(self.parts, ledger, self.work, self.should_stop)
        self.collecting = Collecting(self.parts, ledger, self.work, self.sampling)
        ledger.watchers += [stack.enter_context(t.open(str(self.folder), spec.dump())).log for t in spec.trackers]
        stack.callback(ledger.watchers.__delitem__, slice(1, None))
        if ledger.open() or checkpoint:
            self._resume()
        ledger.begin(doubts(spec))

    def _restore(self, checkpoint: Path | None, learner: Learner) -> None:
        if checkpoint is not None:
            self.ledger.restore(load_checkpoint(checkpoint, learner.restore))

    def _resume(self) -> None:
        """Forget what a crash left beyond the checkpoint, and say so in the records."""
        state = self.ledger.state
        self.ledger.check_reaches()
        self.parts.solutions.roll_back()
        for path in self.folder.glob("trees/*.jsonl.zst"):
            if int(path.name.split(".")[0]) >= state.collected:
                path.unlink()
        roll_back(self.folder, state.version)
        self.ledger.roll_back()
        self.parts.engine.sync(self.parts.learner.weights(), state.version)

    def save(self, **changes: Any) -> None:
        """Advance the run's state and write a checkpoint."""
        ledger = self.ledger
        with ledger.clock.phase("checkpoint"):
            kept = {"seconds": ledger.clock.read(), "memory": dict(ledger.memory)}
            ledger.advance(**changes, event_seq=ledger.next_seq, **kept)
            save_checkpoint(self.folder / "checkpoints", ledger.state, self.parts.learner.checkpoint)
            self.parts.solutions.drop_rejected()

    def is_hard(self, rate: float) -> bool:
        """Whether a pass rate puts a problem into the hard set (eq. 9)."""
        bound = self.spec.screen.threshold
        return rate <= bound if self.spec.screen.comparison == "<=" else rate < bound

    def mini_batches(self, groups: Sequence[Group]) -> list[Sequence[Group]]:
        """The groups of a step, cut into those of one update each."""
        size = self.spec.train.mini_batch_problems
        return [groups[i : i + size] for i in range(0, len(groups), size)]

    def update(self, groups: Sequence[Group]) -> dict[str, Any]:
        """All mini-batch updates of a step, continuing where a resume left off; their figures put together."""
        ledger, batches = self.ledger, self.mini_batches(groups)
        if ledger.state.anchored <= ledger.state.step and len(batches) > 1:
            with self.work("train"):
                ledger.charge(scored=self.parts.learner.anchor(groups))
            ledger.advance(anchored=ledger.state.step + 1)
        for batch in batches[ledger.state.mini_batch :]:
            with self.work("train"):
                record = self._checked_update(batch)
            if record is None:
                raise InterruptedRun("interrupted while training")
            ledger.emit("update", step=ledger.state.step, mini_batch=ledger.state.mini_batch, **record)
            self._count_update(record)
        self.parts.learner.anchor(())
        return put_together(ledger.state.step_updates)

    def _count_update(self, record: Mapping[str, Any]) -> None:
        ledger, unique = self.ledger, int(record["unique_tokens"])
        scored = unique if self.spec.train.loss.needs_reference else 0
        ledger.charge(trained=unique, scored=scored + int(record.get("value_tokens", 0)))
        state = ledger.state
        ledger.advance(
            mini_batch=state.mini_batch + 1,
            version=state.version + 1,
            updates=int(record["update"]),
            step_updates=(*state.step_updates, dict(record)),
        )

    def _checked_update(self, batch: Sequence[Group]) -> Mapping[str, Any] | None:
        try:
            return self.parts.learner.update(batch, self.should_stop)
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
            self.parts.engine.sync(self.parts.learner.weights(), version)
            probe = next(iter(self.parts.train.prompts.values()))[: self.parts.policy.max_length]
            if len(probe) < 2:
                return
            (trained,) = self.parts.learner.score([probe])
            gap = float(np.abs(np.subtract(self.parts.engine.score(probe), trained)).max())
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
        files = ((step, step_file(self.folder, step)) for step in steps)
        return self.parts.solutions.admit(((step, group) for step, file in files for group in read_groups(file)), hard)

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Write the trained model and `summary.json`."""
        save_whole(self.folder / "final", self.parts.learner.save_final)
        write_json(self.folder / "summary.json", summary)
        self.ledger.emit("finished", step=self.ledger.state.step)
