"""Steps that end at a text, such as a line break."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from dsk.core.roles import Boundary

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Float


class Text(Boundary):
    """A step ends with the first of `texts` that it contains; at the rollout's `step_tokens` where none comes.

    With a line break, siblings differ in one whole line of reasoning, as in Tree of Thoughts (Yao et al. 2023).
    """

    kind: ClassVar[str] = "text"

    texts: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=("\n",), min_length=1, description="Texts that end a step; the text belongs to the step."
    )

    @property
    def stop_strings(self) -> tuple[str, ...]:
        """The texts."""
        return self.texts

    def cut(self, logprobs: Float[np.ndarray, " T"]) -> int:
        """All of the step: no text came."""
        return len(logprobs)
