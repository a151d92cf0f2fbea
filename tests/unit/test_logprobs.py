"""Log-probabilities of chosen tokens.

1. Any chunk gives the plain formula's values and gradients, entropy and temperature included.
2. A vocabulary of 150k at 16k positions needs a few chunks of memory, not the matrix of all logits.
"""

from __future__ import annotations

import weakref
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from dsk.core.training.logprobs import CHUNK_ELEMENTS, chosen_logprobs


@pytest.mark.parametrize("chunk", [1, 3, 7, 100])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_chunks_give_the_plain_formulas_values_and_gradients(chunk: int, temperature: float) -> None:
    draw = torch.Generator().manual_seed(0)
    hidden = torch.randn(7, 5, generator=draw, dtype=torch.float64, requires_grad=True)
    head = torch.nn.Linear(5, 11, dtype=torch.float64)
    targets = torch.randint(11, (7,), generator=draw)
    weights = torch.randn(2, 7, generator=draw, dtype=torch.float64)
    inputs = (hidden, head.weight, head.bias)

    log_probs = (head(hidden) / temperature).log_softmax(-1)
    expected = log_probs.gather(-1, targets[:, None])[:, 0], -(log_probs.exp() * log_probs).sum(-1)
    found = chosen_logprobs(hidden, head, targets, temperature, with_entropy=True, chunk=chunk)
    assert found[1] is not None
    assert torch.allclose(found[0], expected[0], atol=1e-12)
    assert torch.allclose(found[1], expected[1], atol=1e-12)
    theirs = torch.autograd.grad((weights[0] * expected[0] + weights[1] * expected[1]).sum(), inputs)
    ours = torch.autograd.grad((weights[0] * found[0] + weights[1] * found[1]).sum(), inputs)
    for a, b in zip(ours, theirs, strict=True):
        assert torch.allclose(a, b, atol=1e-12)


class LiveBytes(TorchDispatchMode):
    """The most bytes alive at once among tensors made inside; shapes alone decide, so it works on meta tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.live = self.peak = 0
        self.known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        for given in args:
            if isinstance(given, torch.Tensor):
                self.known.add(given.untyped_storage()._cdata)
        results = func(*args, **(kwargs or {}))
        for tensor in results if isinstance(results, (tuple, list)) else [results]:
            if isinstance(tensor, torch.Tensor):
                self._count(tensor.untyped_storage())
        return results

    def _count(self, storage: torch.UntypedStorage) -> None:
        if storage._cdata in self.known:
            return
        self.known.add(storage._cdata)
        self.live += storage.nbytes()
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._forget, storage._cdata, storage.nbytes())

    def _forget(self, key: int, size: int) -> None:
        self.known.discard(key)
        self.live -= size


@pytest.mark.parametrize("with_entropy", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_150k_words_at_16k_positions_cost_chunks_and_not_the_matrix(dtype: torch.dtype, with_entropy: bool) -> None:
    positions, words, width = 16_384, 151_936, 1536
    with torch.device("meta"):
        hidden = torch.empty(positions, width, dtype=dtype, requires_grad=True)
        head = torch.nn.Linear(width, words, bias=False, dtype=dtype)
        targets = torch.zeros(positions, dtype=torch.long)
    with LiveBytes() as memory:
        chosen, entropy = chosen_logprobs(hidden, head, targets, with_entropy=with_entropy)
        (chosen.sum() if entropy is None else chosen.sum() + entropy.sum()).backward()
    gradients = (hidden.numel() + head.weight.numel()) * dtype.itemsize
    matrix = positions * words * 4
    assert memory.peak - gradients < min(2.5 * 4 * CHUNK_ELEMENTS, matrix / 10)
