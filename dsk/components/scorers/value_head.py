"""`value_head`: a head on the policy itself, trained on the trees' own Monte-Carlo values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from dsk.components.scorers.none import Silent
from dsk.core.roles import HeadFields, Scorer, ScorerSession


class ValueHeadScorer(HeadFields, Scorer):
    """A head on the policy's last hidden state: the chance that a response that goes on from a step is right.

    Trained beside the policy by binary cross-entropy, on the steps of the trained trees that go on: the target is the
    mean reward of the verified ends below a step, from -1..1 to 0..1, and a step counts as often as it has ends. A
    step's state is the one that its last token was drawn from, so the value is there when the step is: sampling costs
    nothing more. The engine has to give values with its samples (`transformers`).
    """

    kind: ClassVar[str] = "value_head"

    @property
    def active(self) -> bool:
        """Nobody is asked: values come with the samples."""
        return False

    @property
    def head(self) -> HeadFields:
        """Its own fields."""
        return self

    @contextmanager
    def open(self) -> Iterator[ScorerSession]:
        """A session that has nothing to say of texts."""
        yield Silent()
