"""Our losses equal TRL's own: its `GRPOTrainer._compute_loss`, unchanged, runs on the same inputs.

Both sides start from the same logits, old log-probabilities, advantages and masks; TRL's trainer is stood in for by an
object with the settings that its constructor would have derived, so that no data set or process group is needed.
Equal means loss and gradient with respect to the logits, to 1e-6.
"""

from __future__ import annotations

from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from dsk.components.losses import CISPO, DAPO, GRPO, GSPO, DrGRPO
from dsk.core.roles import Loss, LossInputs

trl = pytest.importorskip("trl")

ROWS, WIDTH, VOCABULARY, LONGEST = 6, 7, 11, 16


def log_softmax_of(logits: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
    log_probs = logits.log_softmax(-1)
    return log_probs.gather(-1, tokens[..., None])[..., 0], -(log_probs.exp() * log_probs).sum(-1)


def batch(seed: int, per_token: bool) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    logits = torch.randn(ROWS, WIDTH, VOCABULARY, generator=draw, dtype=torch.float64)
    tokens = torch.randint(VOCABULARY, (ROWS, WIDTH), generator=draw)
    current, _ = log_softmax_of(logits, tokens)
    noise = torch.randn(ROWS, WIDTH, generator=draw, dtype=torch.float64)
    lengths = torch.randint(1, WIDTH + 1, (ROWS, 1), generator=draw)
    return {
        "logits": logits,
        "tokens": tokens,
        "old": current + 0.4 * noise,
        "reference": current - 0.3 * noise,
        "mask": (torch.arange(WIDTH) < lengths).long(),
        "advantages": torch.randn(ROWS, WIDTH if per_token else 1, generator=draw, dtype=torch.float64),
    }


def trl_loss(data: dict[str, Tensor], logits: Tensor, loss_type: str, **settings: Any) -> Tensor:
    """`GRPOTrainer._compute_loss` on prepared inputs; only where the log-probabilities come from is ours."""
    from trl import GRPOTrainer

    def logps(*args: Any, **kwargs: Any) -> tuple[Tensor, Tensor, None]:
        return *log_softmax_of(logits, data["tokens"]), None

    beta, entropy_coef = settings.get("beta", 0.0), settings.get("entropy_coef", 0.0)
    stand_in = SimpleNamespace(
        _get_per_token_logps_and_entropies=logps,
        aux_loss_enabled=False,
        top_entropy_quantile=1.0,
        off_policy_mask_threshold=None,
        importance_sampling_level=settings.get("level", "token"),
        beta=beta,
        loss_type=loss_type,
        epsilon_low=settings.get("low", 0.2),
        epsilon_high=settings.get("high", 0.2),
        args=SimpleNamespace(delta=settings.get("delta"), use_bias_correction_kl=False, steps_per_generation=1),
        use_vllm=False,
        vllm_importance_sampling_correction=False,
        model=SimpleNamespace(training=True),
        current_gradient_accumulation_steps=1,
        max_completion_length=LONGEST,
        accelerator=SimpleNamespace(
            num_processes=1, sync_gradients=True, gather=lambda x: x, reduce=lambda x, reduction: x
        ),
        _entropy_bonus_enabled=entropy_coef != 0,
        use_adaptive_entropy=False,
        entropy_coef=entropy_coef,
        _metrics=defaultdict(lambda: defaultdict(list)),
    )
    inputs = {
        "prompt_ids": data["tokens"][:, :1],
        "prompt_mask": data["mask"][:, :1],
        "completion_ids": data["tokens"],
        "completion_mask": data["mask"],
        "advantages": data["advantages"] if data["advantages"].shape[1] > 1 else data["advantages"][:, 0],
        "old_per_token_logps": data["old"],
        "ref_per_token_logps": data["reference"],
        "num_items_in_batch": data["mask"].sum(),
    }
    return GRPOTrainer._compute_loss(stand_in, None, inputs)


def our_loss(data: dict[str, Tensor], logits: Tensor, loss: Loss) -> Tensor:
    logprobs, entropy = log_softmax_of(logits, data["tokens"])
    inputs = LossInputs(
        logprobs=logprobs,
        old_logprobs=data["old"],
        advantages=data["advantages"].expand(ROWS, WIDTH),
        mask=data["mask"].bool(),
        total_tokens=int(data["mask"].sum()),
        total_rows=ROWS,
        max_tokens=LONGEST,
        ref_logprobs=data["reference"],
        entropy=entropy,
    )
    return loss(inputs).loss


CASES: list[Any] = [
    pytest.param(GRPO, {}, "grpo", {}, id="grpo"),
    pytest.param(GRPO, {"kl_coef": 0.04}, "grpo", {"beta": 0.04}, id="grpo-kl"),
    pytest.param(GRPO, {"entropy_coef": 0.01}, "grpo", {"entropy_coef": 0.01}, id="grpo-entropy"),
    pytest.param(GRPO, {"dual_clip": 1.5}, "grpo", {"delta": 1.5}, id="grpo-dual-clip"),
    pytest.param(DrGRPO, {}, "dr_grpo", {}, id="dr_grpo"),
    pytest.param(DrGRPO, {"kl_coef": 0.1}, "dr_grpo", {"beta": 0.1}, id="dr_grpo-kl"),
    pytest.param(DAPO, {}, "dapo", {"high": 0.28}, id="dapo"),
    pytest.param(GSPO, {}, "grpo", {"level": "sequence", "low": 3e-4, "high": 4e-4}, id="gspo"),
    pytest.param(
        GSPO,
        {"clip_low": 0.1, "clip_high": 0.3},
        "grpo",
        {"level": "sequence", "low": 0.1, "high": 0.3},
        id="gspo-wide",
    ),
    pytest.param(CISPO, {"ratio_max": 1.2}, "cispo", {"high": 1.2}, id="cispo"),
]


@pytest.mark.parametrize("per_token", [False, True], ids=["row-advantages", "token-advantages"])
@pytest.mark.parametrize(("loss_class", "fields", "loss_type", "settings"), CASES)
def test_loss_and_gradient_equal_trl(
    loss_class: type[Loss], fields: dict[str, Any], loss_type: str, settings: dict[str, Any], per_token: bool
) -> None:
    for seed in range(5):
        data = batch(seed, per_token)
        ours, theirs = (data["logits"].clone().requires_grad_() for _ in range(2))
        our_value = our_loss(data, ours, loss_class.model_validate(fields))
        their_value = trl_loss(data, theirs, loss_type, **settings)
        our_value.backward()
        their_value.backward()
        assert ours.grad is not None
        assert theirs.grad is not None
        assert float(our_value) == pytest.approx(float(their_value), rel=1e-6, abs=1e-9)
        assert float((ours.grad - theirs.grad).abs().max()) <= 1e-6 * float(theirs.grad.abs().max())
