"""Problems from a Hugging Face data set: on the hub, or a folder here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

from pydantic import Field

from dsk.components.tasks.files import SAVED_MARKS
from dsk.components.tasks.rows import ProblemStream, Row, RowTask
from dsk.core.component import did_you_mean
from dsk.core.errors import DataError
from dsk.core.types import Problem

Rows = Iterable[dict[str, Any]]


class HuggingFace(RowTask):
    """Rows through `datasets`, streamed; a folder may be a data set's files or what `save_to_disk` wrote."""

    kind: ClassVar[str] = "huggingface"

    path: str = Field(min_length=1, description="Hub id (`owner/name`) or folder.")
    subset: str | None = Field(default=None, description="Configuration of the data set; null is its default.")
    revision: str | None = Field(default=None, description="Branch, tag or commit on the hub; pin it to repeat a run.")
    train_split: str = Field(default="train", min_length=1, description="Split to train on; slices are allowed.")
    test_split: str | None = Field(default=None, min_length=1, description="Held-out split; null is none.")
    streaming: bool = Field(default=True, description="Read rows as they are needed; false downloads all first.")

    @property
    def identity(self) -> str:
        """Data set, subset, split and revision; of a folder its last name, so that moving it changes nothing."""
        local = Path(self.path).expanduser()
        name = local.resolve().name if local.is_dir() else self.path
        parts = (name, self.subset, self.train_split, self.revision, *self.reading())
        return "huggingface:" + ":".join(part or "-" for part in parts)

    def problems(self, split: Literal["train", "test"]) -> Iterable[Problem]:
        """A ProblemStream over the split. Raises DataError for a missing data set, subset or split at once."""
        name = self.train_split if split == "train" else self.test_split
        if name is None:
            return ()
        rows = self._load(name)
        source = f"{self.path}[{name}]"
        return ProblemStream(self, source, lambda: _numbered(source, rows))

    def _load(self, split: str) -> Rows:
        try:
            import datasets  # pyright: ignore[reportMissingImports]
            from datasets.exceptions import DatasetsError  # pyright: ignore[reportMissingImports]
        except ImportError:
            raise DataError(
                "task.kind: 'huggingface' needs its package; pip install 'deepsearch-kit[huggingface]'"
            ) from None
        local = Path(self.path).expanduser()
        try:
            if any((local / mark).is_file() for mark in SAVED_MARKS):
                return _saved_split(datasets.load_from_disk(str(local)), split, self.path)
            place = str(local) if local.is_dir() else self.path
            # slices such as train[:100] exist only for data sets that are not streamed
            streaming = self.streaming and "[" not in split
            options: dict[str, Any] = {"split": split, "revision": self.revision, "streaming": streaming}
            return cast(Rows, datasets.load_dataset(place, self.subset, **options))
        except (DatasetsError, OSError, ValueError) as error:
            fault = " ".join(str(error).split())
            raise DataError(f"task: cannot load split '{split}' of '{self.path}': {fault}") from None


def _saved_split(saved: Any, split: str, path: str) -> Rows:
    """A split of what `save_to_disk` wrote: a data set of several splits, or one that is the split."""
    if not isinstance(saved, dict):
        return saved
    if split not in saved:
        names = sorted(saved)
        raise DataError(
            f"task: '{path}' has no split '{split}'; splits: {', '.join(names)}{did_you_mean(split, names)}"
        )
    return saved[split]


def _numbered(source: str, rows: Rows) -> Iterator[Row]:
    for number, row in enumerate(rows, start=1):
        yield f"{source}:{number}", row
