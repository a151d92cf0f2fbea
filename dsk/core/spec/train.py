"""The update: credit, loss, optimiser, and how much goes into each."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dsk.core.component import StrictModel, default_part
from dsk.core.roles import Adjustment, Advantage, Loss, Subset


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

    subset: Subset = default_part(Subset)
    advantage: Advantage = default_part(Advantage)
    adjustments: tuple[Adjustment, ...] = Field(
        default=(), description="Steps between advantage and loss, in this order, over the mini-batch of an update."
    )
    weight: Literal["trajectory", "unique", "root"] = Field(
        default="trajectory",
        description="What a token counts that k trained trajectories of a group share, in each of them: `trajectory` 1,"
        " `unique` 1/k (all together once), `root` 1/sqrt(k).",
    )
    loss: Loss = default_part(Loss)
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
