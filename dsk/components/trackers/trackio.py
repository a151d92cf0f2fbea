"""Figures to Trackio, a local dashboard (`trackio show`)."""

# pyright: reportAttributeAccessIssue=false
from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field

from dsk.components.trackers.figures import figures, lacking, not_installed, step_of
from dsk.core.roles import Tracker


class Trackio(Tracker):
    """A run in Trackio's own database on this machine (its place is the environment's TRACKIO_DIR)."""

    kind: ClassVar[str] = "trackio"

    project: str = Field(default="deepsearch-kit", min_length=1, description="Project that the run belongs to.")

    def missing(self) -> str | None:
        """The install line where its library is missing, or None."""
        return lacking(self.kind)

    @contextmanager
    def open(self, folder: str, spec: Mapping[str, Any]) -> Iterator[TrackioSession]:
        """Start or continue the run of the spec's name. Raises SpecError where Trackio is not installed."""
        try:
            import trackio  # pyright: ignore[reportMissingImports]
        except ImportError:
            raise not_installed(self.kind) from None
        run = trackio.init(self.project, name=spec.get("name"), config=dict(spec), resume="allow", embed=False)
        try:
            yield TrackioSession(run)
        finally:
            run.finish()


@dataclass
class TrackioSession:
    """An open run."""

    run: Any
    step: int = 0

    def log(self, record: Mapping[str, Any]) -> None:
        """Store the record's figures at its step."""
        self.step = step_of(record, self.step)
        self.run.log(figures(record), step=self.step)
