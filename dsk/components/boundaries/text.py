"""Steps that end at a text, such as a line break."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from dsk.components.boundaries.bounded import bounded
from dsk.core.roles import Boundary
from dsk.core.roles.search import first_text

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Float


class Text(Boundary):
    """A step ends with the first of `texts` that it contains; at the rollout's `step_tokens` where none comes.

    With a line break, siblings differ in one whole line of reasoning, as in Tree of Thoughts (Yao et al. 2023). A
    finished response is cut at the same texts; there a step of fewer than `shortest` characters joins the next, as in
    VinePPO (Kazemnejad et al. 2024; its rule for formulas, which stay whole, is not said).
    """

    kind: ClassVar[str] = "text"

    texts: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=("\n",), min_length=1, description="Texts that end a step; the text belongs to the step."
    )
    shortest: int = Field(
        default=1,
        ge=0,
        description="Fewest characters, without blanks around them, of a step that is cut after the fact; a shorter one"
        " joins the next, the last one the one before.",
    )

    @property
    def stop_strings(self) -> tuple[str, ...]:
        """The texts."""
        return self.texts

    def cut(self, logprobs: Float[np.ndarray, " T"]) -> int:
        """All of the step: no text came."""
        return len(logprobs)

    def split(self, logprobs: Float[np.ndarray, " T"], pieces: Sequence[str], step_tokens: int = 0) -> list[int]:
        """A token belongs to the step in which its text begins."""
        lengths: list[int] = []
        begun = done = 0
        while done < len(pieces):
            done += first_text(pieces[done:], self.texts) or len(pieces) - done
            if len("".join(pieces[begun:done]).strip()) >= self.shortest:
                lengths.append(done - begun)
                begun = done
        if done > begun:
            lengths = [*lengths[:-1], sum(lengths[-1:]) + done - begun]
        return bounded(lengths, step_tokens)
