"""Multiple choice: options of any layout as lettered lines below the question, and the right one's letter."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from dsk.components.tasks.columns import LayoutFaultError, RowFaultError, column, text_of

USUAL = ("choices", "options")
"""What published data sets call the column of the options."""
_LABELLED = re.compile(r"\(?([A-Z])[).:]\s*(.+)", re.DOTALL)
_WRAPPED = re.compile(r"\(?\s*([A-Za-z0-9]+)\s*[).:]?")


@dataclass(frozen=True)
class Options:
    """`texts` in their order, and the labels that the data gives them."""

    texts: tuple[str, ...]
    labels: tuple[str, ...]

    def below(self, question: str) -> str:
        """The question with the options under it, `A.`, `B.` and so on."""
        lines = (f"{letter}. {text}" for letter, text in zip(ascii_uppercase, self.texts, strict=False))
        return "\n".join([question.rstrip(), *lines])

    def letter(self, answer: Any, name: str) -> str:
        """The letter of the right option, given by its label, its text or its place from 0. Raises RowFaultError."""
        place = self._place(answer, text_of(answer, name).strip(), name)
        if place is None:
            last = self.labels[-1]
            raise RowFaultError(
                f"'{name}' is {answer!r:.40}, not one of the options {self.labels[0]} to {last} (a label, a text, or a"
                f" place from 0 to {len(self.texts) - 1})"
            )
        return ascii_uppercase[place]

    def _place(self, answer: Any, text: str, name: str) -> int | None:
        index = int(text) if text.isdecimal() and int(text) < len(self.texts) else None
        if isinstance(answer, int):
            return index
        label = _WRAPPED.fullmatch(text)
        if label and label[1].upper() in self.labels:
            return self.labels.index(label[1].upper())
        named = self.texts.index(text) if text in self.texts else None
        if named is not None and index is not None and named != index:
            raise RowFaultError(f"'{name}' is '{text}', the text of one option and the place of another; give a letter")
        return index if named is None else named


def options_of(row: Mapping[str, Any], names: Sequence[str]) -> Options:
    """The options: one column with a list, an object by label or `text` and `label`, or one column each.

    Raises RowFaultError.
    """
    if len(names) > 1:
        found = _listed([column(row, name) for name in names], names[0])
    else:
        found = _options(column(row, names[0]), names[0])
    if not 2 <= len(found.texts) <= len(ascii_uppercase):
        raise RowFaultError(f"'{names[0]}' has {len(found.texts)} options; 2 to {len(ascii_uppercase)} can be lettered")
    return found


def _options(value: Any, name: str) -> Options:
    if isinstance(value, Mapping) and isinstance(value.get("text"), list | tuple):
        labels = value.get("label") or ascii_uppercase[: len(value["text"])]
        return Options(_texts(value["text"], name), tuple(str(label).upper() for label in labels))
    if isinstance(value, Mapping):
        return Options(_texts(list(value.values()), name), tuple(str(label).upper() for label in value))
    if not isinstance(value, list | tuple):
        raise RowFaultError(f"'{name}' is {type(value).__name__}, not a list of options; name one column for each")
    return _listed(value, name)


def _listed(values: Sequence[Any], name: str) -> Options:
    """Options in their order; a letter that each begins with (`A)21`) is its label and no part of its text."""
    texts = _texts(values, name)
    letters = tuple(ascii_uppercase[: len(texts)])
    marked = [_LABELLED.fullmatch(text) for text in texts]
    if all(mark and mark[1] == letter for mark, letter in zip(marked, letters, strict=False)):
        texts = tuple(mark[2].strip() for mark in marked if mark)
    return Options(texts, letters)


def _texts(values: Sequence[Any], name: str) -> tuple[str, ...]:
    return tuple(text_of(value, name).strip() for value in values)


def refuse_unseen(row: Mapping[str, Any]) -> None:
    """Raise LayoutFaultError for a row that has options which the question would be asked without."""
    unseen = next((name for name in USUAL if isinstance(row.get(name), list | tuple | Mapping) and row[name]), None)
    if unseen:
        raise LayoutFaultError(
            f"the column '{unseen}' holds options that the question would be asked without; set task.choices to"
            f" '{unseen}', or to [] where the question has them already"
        )
