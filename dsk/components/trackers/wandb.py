"""Figures to Weights & Biases."""

# pyright: reportAttributeAccessIssue=false
from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from dsk.components.trackers.figures import figures, lacking, not_installed, step_of
from dsk.core.errors import SpecError
from dsk.core.roles import Tracker

RUN_ID_FILE = "wandb_run_id"


class Wandb(Tracker):
    """One Weights & Biases run per run folder; resuming continues it."""

    kind: ClassVar[str] = "wandb"

    project: str = Field(default="deepsearch-kit", min_length=1, description="Project that the run belongs to.")
    entity: str | None = Field(default=None, description="User or team; null is the account's default.")
    mode: Literal["online", "offline", "disabled"] | None = Field(
        default=None, description="`offline` keeps everything in the run's folder; null follows WANDB_MODE."
    )

    def missing(self) -> str | None:
        """The install line where its library is missing, or None."""
        return lacking(self.kind)

    @contextmanager
    def open(self, folder: str, spec: Mapping[str, Any]) -> Iterator[WandbSession]:
        """Start or continue the run. Raises SpecError where wandb is not installed or not logged in."""
        try:
            import wandb  # pyright: ignore[reportMissingImports]
            from wandb.errors import CommError, UsageError  # pyright: ignore[reportMissingImports]
        except ImportError:
            raise not_installed(self.kind) from None
        run_id = Path(folder) / RUN_ID_FILE
        known = run_id.read_text().strip() if run_id.is_file() else None
        place: dict[str, Any] = {"project": self.project, "entity": self.entity, "dir": folder, "mode": self.mode}
        try:
            run = wandb.init(
                **place, id=known, resume="allow", name=spec.get("name"), config=dict(spec), settings={"silent": True}
            )
        except (UsageError, CommError) as error:
            fault = str(error).strip().splitlines()[0]
            raise SpecError(f"trackers.wandb: {fault}; run 'wandb login', or set mode to 'offline'") from None
        run_id.write_text(run.id)
        # a step metric of our own: W&B's counter refuses records of an earlier step, which a resume writes again
        run.define_metric("*", step_metric="step")
        with run:
            yield WandbSession(run)


@dataclass
class WandbSession:
    """An open run."""

    run: Any
    step: int = 0

    def log(self, record: Mapping[str, Any]) -> None:
        """Send the record's figures with its step."""
        self.step = step_of(record, self.step)
        self.run.log({"step": self.step, **figures(record)})
