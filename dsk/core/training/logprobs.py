"""Log-probabilities of chosen tokens without ever holding all logits.

The head runs over chunks of positions; the backward pass computes each chunk's logits again, so that a vocabulary of
150k at 16k positions costs one chunk of memory, in the forward and in the backward pass.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from dsk.core.model.architecture import LogitRule

PLAIN = LogitRule()
CHUNK_ELEMENTS = 1 << 26
"""Logits held at once: 256 MiB in fp32, 440 positions of a 152k vocabulary."""


def chosen_logprobs(
    hidden: Tensor,
    head: torch.nn.Linear,
    targets: Tensor,
    temperature: float = 1.0,
    with_entropy: bool = False,
    chunk: int | None = None,
    rule: LogitRule = PLAIN,
) -> tuple[Tensor, Tensor | None]:
    """Log-probability of each target [P], and the entropy of its distribution [P] (nats) if asked for.

    `hidden` is [P, H]: the state that predicts each target; `rule` makes logits of the head's product. Softmax runs in
    fp32 (fp64 for fp64 models). Both results carry gradients to `hidden` and the head.
    """
    chunk = chunk or max(1, CHUNK_ELEMENTS // head.weight.shape[0])
    settings = (temperature, with_entropy, chunk, rule)
    return _ChosenLogprobs.apply(hidden, head.weight, head.bias, targets, *settings)  # pyright: ignore


def _logits(hidden: Tensor, weight: Tensor, bias: Tensor | None, temperature: float, rule: LogitRule) -> Tensor:
    logits = rule(torch.nn.functional.linear(hidden, weight, bias))
    logits = logits.float() if logits.dtype in (torch.bfloat16, torch.float16) else logits
    return logits.div_(temperature) if temperature != 1 else logits


class _ChosenLogprobs(torch.autograd.Function):
    """One chunk's logits at a time: each lives in a function of its own, so that it is gone before the next is made."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, *settings: Any) -> Any:
        temperature, with_entropy, chunk, rule = settings
        parts = [
            _chunk_values(_logits(part, weight, bias, temperature, rule), target, with_entropy)
            for part, target in zip(hidden.split(chunk), targets.split(chunk), strict=True)
        ]
        chosen, norm, *entropies = (torch.cat(values) for values in zip(*parts, strict=True))
        entropy = entropies[0] if with_entropy else None
        ctx.save_for_backward(hidden, weight, bias, targets, norm, entropy)
        ctx.settings = settings
        ctx.set_materialize_grads(False)
        return chosen, entropy

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        hidden, weight, bias, targets, norm, entropy = ctx.saved_tensors
        temperature, _, chunk, rule = ctx.settings
        grad_chosen, grad_entropy = grads
        grad_hidden = torch.empty_like(hidden)
        grad_weight = torch.zeros_like(weight) if ctx.needs_input_grad[1] else None
        grad_bias = torch.zeros_like(bias) if bias is not None and ctx.needs_input_grad[2] else None

        def add(piece: slice) -> None:
            logits = _logits(hidden[piece], weight, bias, temperature, rule)
            slope = rule.slope(logits * temperature) if rule.cap is not None else rule.scale
            grad = _grad_logits(
                logits.sub_(norm[piece, None]),
                targets[piece],
                None if grad_chosen is None else grad_chosen[piece],
                None if grad_entropy is None else (grad_entropy[piece], entropy[piece]),
            )
            grad = grad.div_(temperature) if temperature != 1 else grad
            grad = (grad if rule == PLAIN else grad.mul_(slope)).to(weight.dtype)
            torch.mm(grad, weight, out=grad_hidden[piece])
            if grad_weight is not None:
                grad_weight.addmm_(grad.T, hidden[piece])
            if grad_bias is not None:
                grad_bias.add_(grad.sum(0))

        for start in range(0, len(hidden), chunk):
            add(slice(start, start + chunk))
        return grad_hidden, grad_weight, grad_bias, None, None, None, None, None


def _chunk_values(logits: Tensor, target: Tensor, with_entropy: bool) -> tuple[Tensor, ...]:
    """Chosen log-probabilities, log-normalisers and, if asked for, entropies of some positions."""
    norm = logits.logsumexp(-1)
    chosen = logits.gather(-1, target[:, None])[:, 0] - norm
    if not with_entropy:
        return chosen, norm
    probs = (logits - norm[:, None]).exp_()
    return chosen, norm, norm - torch.linalg.vecdot(probs, logits)


def _grad_logits(
    log_probs: Tensor, targets: Tensor, grad_chosen: Tensor | None, entropy: tuple[Tensor, Tensor] | None
) -> Tensor:
    """d(log p_t)/dx = onehot - p and dH/dx = -p (log p + H), weighted and summed; overwrites `log_probs`."""
    if entropy is not None:
        grad_entropy, value = entropy
        probs = log_probs.exp()
        grad = log_probs.add_(value[:, None]).mul_(probs).mul_(-grad_entropy[:, None])
        if grad_chosen is not None:
            grad.addcmul_(probs, grad_chosen[:, None], value=-1)
    else:
        assert grad_chosen is not None
        grad = log_probs.exp_().mul_(-grad_chosen[:, None])
    if grad_chosen is not None:
        grad.scatter_add_(-1, targets[:, None], grad_chosen[:, None])
    return grad
