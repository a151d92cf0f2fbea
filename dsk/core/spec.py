"""`RunSpec`: everything that decides a run, loaded from JSON and checked before anything starts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from dsk.core.component import Component, Otherwise, StrictModel
from dsk.core.credit_needs import unmet_need
from dsk.core.input.faults import shortened
from dsk.core.roles import (
    Adjustment,
    Advantage,
    Cache,
    Engine,
    Filter,
    Loss,
    Rollout,
    Scorer,
    Subset,
    Task,
    Tracker,
    Verifier,
)
from dsk.core.types import Verdict


def _default(role: type[Component]) -> Any:
    """The role's default kind, resolved by the registry, so that core names no component class."""
    shown: Any = {"default": {"kind": role.default_kind}}
    return Field(
        default_factory=lambda: {"kind": role.default_kind}, description=f"The {role.role}.", json_schema_extra=shown
    )


DTYPE_NAMES = {
    "bfloat16": "bfloat16", "bf16": "bfloat16",
    "float32": "float32", "fp32": "float32", "f32": "float32", "float": "float32", "single": "float32",
    "float64": "float64", "fp64": "float64", "f64": "float64", "double": "float64",
    "fp16": None, "f16": None, "half": None, "float16": None,
}  # fmt: skip
"""What people call parameter types, and how `model.dtype` names them; None is half precision, which it lacks."""


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
    max_tokens: int = Field(default=2048, ge=1, description="Longest prompt, in tokens.")
    overlong: Literal["error", "keep_right"] = Field(default="error", description="What to do with a longer prompt.")


class SamplingSpec(StrictModel):
    """Sampling of rollouts (the paper trains at temperature 1 without truncation)."""

    temperature: float = Field(default=1.0, gt=0, description="Softmax temperature, of sampling and of training.")
    top_p: float = Field(default=1.0, gt=0, le=1, description="Nucleus mass; 1 is off.")
    top_k: int = Field(default=0, ge=0, description="Most likely tokens kept; 0 is off.")


class ScreenSpec(StrictModel):
    """Which problems are hard (DeepSearch eqs. 8-9)."""

    samples: int = Field(default=4, ge=1, description="K direct rollouts per problem (Pass1@K).")
    threshold: float = Field(default=0.25, ge=0, le=1, description="Share of correct samples, the paper's delta.")
    comparison: Literal["<=", "<"] = Field(default="<=", description="How the share is compared with the threshold.")
    problems: int = Field(default=0, ge=0, description="Screen only the first so many training problems; 0 is all.")
    reuse: bool = Field(
        default=False,
        description="Responses of the screening join the round's first `direct` group of their problem.",
    )


class RewardSpec(StrictModel):
    """How a verdict becomes a reward in [-1, 1]."""

    scale: Literal["binary", "graded"] = Field(
        default="binary", description="`binary`: +1 for a correct response, else -1; `graded`: 2 x score - 1."
    )

    @property
    def graded(self) -> bool:
        """Whether rewards say more than what is correct."""
        return self.scale == "graded"

    def of(self, verdict: Verdict) -> float:
        """The reward of a verdict."""
        if self.graded:
            return 2.0 * verdict.score - 1.0
        return 1.0 if verdict.correct else -1.0

    def mean_score(self, rewards: Sequence[float]) -> float | None:
        """The mean of the scores that became `rewards`; None where they are not known, or there are none."""
        return (sum(rewards) / len(rewards) + 1.0) / 2.0 if self.graded and rewards else None


class OptimizerSpec(StrictModel):
    """AdamW."""

    lr: float = Field(default=1e-6, gt=0, description="Learning rate after warm-up.")
    warmup_steps: int = Field(default=10, ge=0, description="Updates of linear warm-up.")
    weight_decay: float = Field(default=0.1, ge=0, description="Decoupled weight decay.")
    betas: tuple[float, float] = Field(default=(0.9, 0.999), description="Adam's moment decays.")
    eps: float = Field(
        default=1e-8,
        gt=0,
        description="Adam's epsilon; near the gradients' size it keeps small, noisy gradients from full-sized steps.",
    )
    grad_clip: float = Field(default=1.0, gt=0, description="Largest gradient norm.")
    fp32_state: bool = Field(default=True, description="Keep fp32 master weights and moments when parameters are bf16.")


class SoftClipSpec(StrictModel):
    """`q <- tanh(q / epsilon) * q_max` on non-terminal nodes (DeepSearch section 5)."""

    epsilon: float = Field(default=1.0, gt=0, description="epsilon_q.")
    q_max: float = Field(default=1.0, gt=0, description="Largest value after clipping.")


class OverlongSpec(StrictModel):
    """Soft penalty on long responses (DAPO)."""

    buffer: int = Field(default=0, ge=0, description="Tokens before the limit where the penalty starts; 0 is off.")
    factor: float = Field(default=1.0, ge=0, description="Penalty at the limit.")


class TrainSpec(StrictModel):
    """The update."""

    subset: Subset = _default(Subset)
    advantage: Advantage = _default(Advantage)
    adjustments: tuple[Adjustment, ...] = Field(
        default=(), description="Steps between advantage and loss, in this order, over the mini-batch of an update."
    )
    weight: Literal["trajectory", "unique", "root"] = Field(
        default="trajectory",
        description="What a token counts that k trained trajectories of a group share, in each of them: `trajectory` 1,"
        " `unique` 1/k (all together once), `root` 1/sqrt(k).",
    )
    loss: Loss = _default(Loss)
    optimizer: OptimizerSpec = Field(default_factory=OptimizerSpec, description="AdamW.")
    batch_problems: int = Field(default=256, ge=1, description="Problems sampled per step.")
    order: Literal["shuffled", "signal"] = Field(
        default="shuffled",
        description="Order of a pass over the hard set; `signal`: greatest p (1 - p) first, by the last pass rate.",
    )
    allocate: Literal["equal", "signal"] = Field(
        default="equal",
        description="Responses of `direct` groups: all as many, or by pass rate, as many in all (Knapsack RL).",
    )
    refill: int = Field(
        default=0,
        ge=0,
        description="Rounds of replacing groups without signal by further problems (DAPO's dynamic sampling; there 10);"
        " 0 is off, and after the last round the step goes on with what it has.",
    )
    mini_batch_problems: int = Field(default=32, ge=1, description="Problems per policy update.")
    micro_batch_tokens: int = Field(default=18432, ge=1, description="Most tokens through the model at once.")
    packing: Literal["auto", "dense", "suffix", "flex"] = Field(
        default="auto", description="How shared tokens are computed."
    )
    gradient_checkpointing: bool = Field(default=False, description="Recompute activations in the backward pass.")
    compile: bool = Field(
        default=False,
        description="torch.compile the layers' training pass (minutes once, then cached; needs a C++ compiler on CPU).",
    )


class RoundsSpec(StrictModel):
    """When the run ends; whichever bound comes first (0 is no bound)."""

    count: int = Field(default=1, ge=1, description="Rounds of screen, search and train.")
    steps: int = Field(default=0, ge=0, description="Steps per round; 0 is one pass over the hard set.")
    max_steps: int = Field(default=0, ge=0, description="Steps in all.")
    max_tokens: int = Field(default=0, ge=0, description="Tokens sampled for training, screening included.")
    max_hours: float = Field(default=0, ge=0, description="Wall-clock hours.")
    max_model_tokens: int = Field(
        default=0, ge=0, description="Charged tokens: sampled + given + scored + 3 x trained (forward, backward)."
    )
    max_unscreened_tokens: int = Field(default=0, ge=0, description="The same without those that screening took.")
    max_updates: int = Field(
        default=0, ge=0, description="Policy updates in all; the step that reaches it is finished."
    )
    max_train_seconds: float = Field(default=0, ge=0, description="Wall-clock seconds without evaluation.")


class EvaluateSpec(StrictModel):
    """The held-out evaluation before, after and, with `every`, during training."""

    problems: int = Field(
        default=0, ge=0, description="Test problems; 0 is all, and none if the task has no test split."
    )
    samples: int = Field(default=4, ge=1, description="Samples per problem.")
    hard_only: bool = Field(default=True, description="Judge on test problems that the starting policy finds hard.")
    temperature: float = Field(default=0.6, gt=0, description="Softmax temperature.")
    top_p: float = Field(default=0.95, gt=0, le=1, description="Nucleus mass.")
    every: int = Field(default=0, ge=0, description="Steps between evaluations on the way; 0 is only before and after.")


class RunSpec(StrictModel):
    """A whole run; defaults are the published DeepSearch setting."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="The run's folder is `runs/NAME`.")
    seed: int = Field(default=0, ge=0, description="Every random choice of the run derives from it.")
    model: ModelSpec = Field(description="The policy.")
    task: Task = Field(description="Where problems come from.")
    prompt: PromptSpec = Field(default_factory=PromptSpec, description="How problems become prompts.")
    verifier: Verifier = _default(Verifier)
    max_unjudgeable: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="Largest share of reference answers, of train or test, that the verifier cannot judge by; more of"
        " them stop the run before it samples.",
    )
    engine: Engine = _default(Engine)
    cache: Cache = _default(Cache)
    filter: Filter = _default(Filter)
    rollout: Rollout = _default(Rollout)
    replay: Annotated[Rollout, Otherwise("cached")] | None = Field(
        default_factory=lambda: {"kind": "cached"},  # type: ignore[arg-type]  # resolved by the registry
        description="The rollout for problems with cached solutions; null: `rollout` serves them too.",
        json_schema_extra={"default": {"kind": "cached"}},
    )
    scorer: Scorer = _default(Scorer)
    rewards: RewardSpec = Field(default_factory=RewardSpec, description="How verdicts become rewards.")
    admit: Literal["search", "all"] = Field(
        default="search",
        description="Which correct solutions of problems that stay hard enter the cache after a round: those of"
        " searches (Algorithm 1), or `all`, those of direct rollouts too.",
    )
    sampling: SamplingSpec = Field(default_factory=SamplingSpec, description="Sampling of rollouts.")
    max_response_tokens: int = Field(
        default=16384, ge=1, description="Longest response; a search also ends at depth x step."
    )
    tokens_in_flight: int = Field(
        default=131072,
        ge=1,
        description="Bound on prefix + new tokens of requests under way; one that is larger runs alone.",
    )
    screen: ScreenSpec = Field(default_factory=ScreenSpec, description="Which problems are hard.")
    train: TrainSpec = Field(default_factory=TrainSpec, description="The update.")
    soft_clip: SoftClipSpec = Field(default_factory=SoftClipSpec, description="Soft clipping of node values.")
    overlong: OverlongSpec = Field(default_factory=OverlongSpec, description="Penalty on long responses.")
    rounds: RoundsSpec = Field(default_factory=RoundsSpec, description="When the run ends.")
    evaluate: EvaluateSpec = Field(default_factory=EvaluateSpec, description="Held-out evaluation.")
    keep: Literal["groups", "trees"] = Field(
        default="groups",
        description="What trees/ holds of a step: its groups, or whole trees too (nodes that were not chosen, order of"
        " expansion, selector scores, verdicts).",
    )
    checkpoint_every: int = Field(default=5, ge=1, description="Steps between checkpoints.")
    probe_bound: float = Field(
        default=0.05, gt=0, description="Largest |engine - trainer| log-probability after a weight sync."
    )
    trackers: tuple[Tracker, ...] = Field(default=(), description="Where records go besides events.jsonl.")
    plugins: tuple[str, ...] | None = Field(default=None, description="Only these plugin distributions; null is all.")

    @model_validator(mode="after")
    def _check_sizes(self) -> RunSpec:
        if self.train.mini_batch_problems > self.train.batch_problems:
            raise ValueError("train.mini_batch_problems is larger than train.batch_problems; lower it")
        return self

    @field_validator("replay", mode="before")
    @classmethod
    def _name_replay(cls, value: Any) -> Any:
        """Answer the switch that people expect."""
        if isinstance(value, bool):
            written = '{"kind": "cached"}, which is the default' if value else "null"
            raise PydanticCustomError("replay", "{text}", {"text": f"names a rollout; write {written}"})
        return value

    @field_validator("rollout")
    @classmethod
    def _check_rollout(cls, value: Rollout) -> Rollout:
        if value.needs_solutions:
            text = (
                f"'{value.kind}' starts from known solutions, and problems of which none is known need a rollout too;"
            )
            raise PydanticCustomError("rollout", "{text}", {"text": f"{text} name it in `replay`"})
        return value

    @field_validator("train")
    @classmethod
    def _check_credit(cls, value: TrainSpec, info: ValidationInfo) -> TrainSpec:
        from dsk.core.plugins.registry import load_registry

        context: Any = info.context or {}
        registry = context["registry"] if "registry" in context else load_registry()
        if text := unmet_need(value.advantage, info.data.get("rollout"), info.data.get("replay"), registry):
            raise PydanticCustomError("credit", "{text}", {"text": text})
        return value

    def dump(self) -> dict[str, Any]:
        """The resolved spec as JSON data; loading it again gives an equal spec."""
        return self.model_dump(mode="json")
