"""The policy, its prompts and its sampling."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from dsk.core.component import StrictModel
from dsk.core.input.faults import shortened

DTYPE_NAMES = {
    "bfloat16": "bfloat16", "bf16": "bfloat16",
    "float32": "float32", "fp32": "float32", "f32": "float32", "float": "float32", "single": "float32",
    "float64": "float64", "fp64": "float64", "f64": "float64", "double": "float64",
    "fp16": None, "f16": None, "half": None, "float16": None,
}  # fmt: skip
"""What people call parameter types, and how `model.dtype` names them; None is half precision, which it lacks."""


PLACE = "{problem}"
"""Where a problem's text stands in a template; every other brace is text."""


class ModelSpec(StrictModel):
    """The policy."""

    path: str = Field(description="Model directory, hub id, `bundled:tiny-reasoner` or `package:smollm2`.")
    architecture: str | None = Field(
        default=None,
        description="Folder with the model's config.json, to size `--dry-run` where the weights are not at hand.",
    )
    dtype: Literal["float32", "bfloat16", "float64"] = Field(default="float32", description="Parameter type.")
    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="`auto`, `cpu` or `cuda`.")
    lora_rank: int = Field(
        default=0, ge=0, description="Rank of LoRA adapters on all linear layers; 0 trains every weight."
    )
    lora_alpha: float = Field(default=32.0, gt=0, description="LoRA scale numerator.")

    @field_validator("dtype", mode="before")
    @classmethod
    def _name_dtype(cls, value: Any) -> Any:
        """Answer the other names of a type with the one that a spec writes, so that a run's spec has one form."""
        name = str(value).removeprefix("torch.").lower()
        meant = DTYPE_NAMES.get(name)
        if name not in DTYPE_NAMES or meant == value:
            return value
        why = f"is written '{meant}'" if meant else "overflows in training; did you mean 'bfloat16'?"
        raise PydanticCustomError("dtype_name", "{text}", {"text": f"{shortened(str(value))} {why}"})


class PromptSpec(StrictModel):
    """How a problem becomes prompt tokens."""

    style: Literal["plain", "chat"] = Field(default="plain", description="`chat` uses the tokenizer's chat template.")
    system: str | None = Field(default=None, description="System message (chat style).")
    prefix: str = Field(default="", description="Text before the problem.")
    suffix: str = Field(default="", description="Text after the problem.")
    template: str | None = Field(
        default=None,
        description="The whole text with `{problem}` in it, instead of prefix and suffix; for a base model without a"
        " chat template: `Question: {problem}\\nAnswer:`.",
    )
    max_tokens: int = Field(default=2048, ge=1, description="Longest prompt, in tokens.")
    overlong: Literal["error", "keep_right"] = Field(default="error", description="What to do with a longer prompt.")

    @model_validator(mode="after")
    def _check_template(self) -> PromptSpec:
        if self.template is None:
            return self
        if self.template.count(PLACE) != 1:
            raise ValueError(f"template has {PLACE} {self.template.count(PLACE)} times in it; write it once")
        if self.prefix or self.suffix:
            raise ValueError("give template, or prefix and suffix, not both")
        return self

    def around(self, problem: str) -> str:
        """The problem's text within the template, or between prefix and suffix."""
        if self.template is None:
            return self.prefix + problem + self.suffix
        before, _, after = self.template.partition(PLACE)
        return before + problem + after


class SamplingSpec(StrictModel):
    """Sampling of rollouts (the paper trains at temperature 1 without truncation)."""

    temperature: float = Field(default=1.0, gt=0, description="Softmax temperature, of sampling and of training.")
    top_p: float = Field(default=1.0, gt=0, le=1, description="Nucleus mass; 1 is off.")
    top_k: int = Field(default=0, ge=0, description="Most likely tokens kept; 0 is off.")
