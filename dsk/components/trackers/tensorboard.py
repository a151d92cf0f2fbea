"""Figures as TensorBoard scalars."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from dsk.components.trackers.figures import figures, lacking, not_installed, step_of
from dsk.core.roles import Tracker


class TensorBoard(Tracker):
    """Event files in the run's folder, under `tensorboard/`."""

    kind: ClassVar[str] = "tensorboard"

    def missing(self) -> str | None:
        """The install line where its library is missing, or None."""
        return lacking(self.kind)

    @contextmanager
    def open(self, folder: str, spec: Mapping[str, Any]) -> Iterator[TensorBoardSession]:
        """Start writing. Raises SpecError where TensorBoard is not installed."""
        try:
            from torch.utils.tensorboard import SummaryWriter  # pyright: ignore[reportMissingImports]
        except ImportError:
            raise not_installed(self.kind) from None
        with SummaryWriter(str(Path(folder) / "tensorboard")) as writer:
            yield TensorBoardSession(writer)


@dataclass
class TensorBoardSession:
    """An open writer."""

    writer: Any
    step: int = 0

    def log(self, record: Mapping[str, Any]) -> None:
        """Write the record's figures at its step."""
        self.step = step_of(record, self.step)
        for name, value in figures(record).items():
            self.writer.add_scalar(name, value, self.step)
