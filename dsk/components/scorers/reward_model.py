"""`reward_model`: a Hugging Face classifier rates each step, as outcome or process reward models do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from dsk.components.scorers.classifying.folder import is_hub_id, look
from dsk.core.errors import ModelError
from dsk.core.roles import Scorer, ScorerSession


class RewardModel(Scorer):
    """A sequence- or token-classification model with a tokenizer of its own, in this process.

    It reads the problem's prompt and the steps so far. One logit: its sigmoid is the score. Several labels: the softmax
    of the one that means good. A sequence model (a reward model: Cobbe et al. 2021) rates the text as it stands; a
    token model (a process reward model: Lightman et al. 2023) rates the last token of the last step, or of the
    `separator` after it. Left out: models that bring code of their own, and generative judges (use `command`).
    """

    kind: ClassVar[str] = "reward_model"
    path: str = Field(description="Model folder or hub id of a sequence- or token-classification model.")
    label: str | None = Field(
        None, description="The label that means a good step; null: found by its name (`correct`, `good`, `+`, ...)."
    )
    separator: str = Field("", description="Text after each step: what a process reward model was trained to rate at.")
    style: Literal["plain", "chat"] = Field(
        "plain", description="`plain`: prompt and steps joined; `chat`: laid out by the model's chat template."
    )
    batch_tokens: int = Field(16_384, ge=1, description="Most tokens of one batch, padding included.")
    dtype: Literal["float32", "bfloat16", "float16", "float64"] = Field("float32", description="Parameter type.")
    device: str = Field("auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="`auto`, `cpu` or `cuda`.")

    @property
    def place(self) -> str:
        """What transformers is given: the folder, or the hub id."""
        return self.path if is_hub_id(self.path) else str(Path(self.path).expanduser())

    def missing(self) -> str | None:
        """What is wrong with the model's folder, weights not loaded; nothing is known of a hub id before `open`."""
        try:
            look(self.path, self.label, self.style == "chat")
        except ModelError as fault:
            return str(fault).removeprefix("scorer.")
        return None

    @contextmanager
    def open(self) -> Iterator[ScorerSession]:
        """Load the model. Raises ModelError."""
        look(self.path, self.label, self.style == "chat")
        from dsk.components.scorers.classifying.session import load

        yield load(self)
