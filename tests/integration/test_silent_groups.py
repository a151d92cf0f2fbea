"""Groups without any advantage, against the written-out loss.

The mean is over the mini-batch: DAPO eq. 8 (DeepSearch eq. 13) divides by the tokens of all sampled responses, GRPO
(DeepSeekMath eq. 3) by all rows; a KL or entropy term acts on every token of them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from dsk.components.advantages import OutcomeAdvantage
from dsk.components.losses import GRPO, DrGRPO, TreeGRPO
from dsk.core.roles import Loss
from dsk.core.spec import TrainSpec
from dsk.core.training.trainer import Trainer
from dsk.core.types import Group, Trajectory
from tests.tiny_models import tiny_policy
from tests.tree_rows import VOCABULARY, random_group, trajectory

LONGEST = 32
SILENT = replace(random_group(9), trajectories=(trajectory((5, 6, 9), 1.0, (1.0,)), trajectory((7,), 1.0, (1.0,))))
BATCHES = {"mixed": [SILENT, random_group(1), SILENT, random_group(2)], "silent": [SILENT, SILENT]}
TERMS = {"plain": {}, "KL": {"kl_coef": 0.3}, "entropy": {"entropy_coef": 0.1}}


def policy() -> Any:
    made = tiny_policy("llama", vocab=VOCABULARY, seed=3, dtype=torch.float64)
    return made, copy.deepcopy(made.model)


def moved(model: Any) -> None:
    """Weights away from the reference, so that KL has a gradient."""
    with torch.no_grad():
        for number, weight in enumerate(model.parameters()):
            noise = torch.randn(weight.shape, generator=torch.Generator().manual_seed(number), dtype=weight.dtype)
            weight.add_(0.05 * noise)


def gradient(model: Any) -> Tensor:
    return torch.cat([w.grad.flatten() if w.grad is not None else torch.zeros(w.numel()) for w in model.parameters()])


def of_the_trainer(groups: Sequence[Group], loss: Loss, packing: str) -> tuple[Tensor, float, int]:
    """(gradient, loss, applied) of one update."""
    made, _ = policy()
    settings = {"loss": loss, "advantage": OutcomeAdvantage(), "packing": packing, "micro_batch_tokens": 60}
    train = TrainSpec.model_validate({**settings, "optimizer": {"grad_clip": 1e9}})
    trainer, kept = Trainer(made, train, LONGEST), []
    moved(made.model)
    trainer.optimizer.step = lambda: kept.append(gradient(made.model))  # type: ignore[method-assign]
    record = trainer.update(groups)
    assert record is not None
    found = kept[0] if kept else torch.zeros(sum(w.numel() for w in made.model.parameters()), dtype=torch.float64)
    return found, float(record.get("loss", 0.0)), int(record["applied"])


def of_the_formula(groups: Sequence[Group], loss: Any, over: Callable[[list[Tensor]], Tensor]) -> tuple[Tensor, float]:
    """(gradient, loss): every trajectory of every group through the model alone, `over` its tokens' losses."""
    made, reference = policy()
    moved(made.model)
    per_row = [row_loss(made.model, reference, g.prompt_tokens, t, a, loss) for g in groups for t, a in advantages(g)]
    total = over(per_row)
    if loss.entropy_coef:
        entropies = [row_entropy(made.model, g.prompt_tokens, t) for g in groups for t in g.trajectories]
        total = total - loss.entropy_coef * torch.cat(entropies).mean()
    total.backward()
    return gradient(made.model), float(total)


def advantages(group: Group) -> Iterator[tuple[Trajectory, float]]:
    mean = sum(t.reward for t in group.trajectories) / len(group.trajectories)
    return ((t, t.reward - mean) for t in group.trajectories)


def logprobs(model: Any, prompt: tuple[int, ...], t: Trajectory) -> Tensor:
    logits = model(input_ids=torch.tensor([[*prompt, *t.tokens.tolist()]]), use_cache=False).logits[0]
    return logits.log_softmax(-1)[len(prompt) - 1 : -1]


def row_loss(model: Any, reference: Any, prompt: tuple[int, ...], t: Trajectory, advantage: float, loss: Any) -> Tensor:
    at = (torch.arange(len(t.tokens)), torch.from_numpy(t.tokens).long())
    now, old = logprobs(model, prompt, t)[at], torch.from_numpy(t.logprobs)
    ratio = (now - old).exp()
    value = torch.maximum(-advantage * ratio, -advantage * ratio.clamp(1 - loss.clip_low, 1 + loss.clip_high))
    if loss.dual_clip and advantage < 0:
        value = value.clamp(max=-advantage * loss.dual_clip)
    if loss.kl_coef:
        with torch.no_grad():
            anchor = logprobs(reference, prompt, t)[at]
        value = value + loss.kl_coef * ((anchor - now).exp() - (anchor - now) - 1)
    return value


def row_entropy(model: Any, prompt: tuple[int, ...], t: Trajectory) -> Tensor:
    values = logprobs(model, prompt, t)
    return -(values.exp() * values).sum(-1)


OVER: dict[type[Loss], Callable[[list[Tensor]], Tensor]] = {
    TreeGRPO: lambda rows: torch.cat(rows).mean(),
    GRPO: lambda rows: torch.stack([row.mean() for row in rows]).mean(),
    DrGRPO: lambda rows: torch.cat(rows).sum() / (len(rows) * LONGEST),
}


@pytest.mark.parametrize("packing", ["dense", "suffix"])
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("term", TERMS)
@pytest.mark.parametrize("kind", OVER, ids=lambda kind: kind.kind)
def test_the_update_is_the_written_out_formula(kind: type[Loss], term: str, batch: str, packing: str) -> None:
    loss = kind.model_validate(TERMS[term])
    found, value, applied = of_the_trainer(BATCHES[batch], loss, packing)
    expected, total = of_the_formula(BATCHES[batch], loss, OVER[kind])
    assert float((found - expected).norm()) <= 1e-6 * max(float(expected.norm()), 1e-3)
    if applied:
        assert value == pytest.approx(total, rel=1e-6)
    assert applied == (batch == "mixed" or term != "plain")
