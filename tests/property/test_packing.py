"""Packed training is exact.

1. Every packing gives the dense oracle's log-probabilities and gradients: any tree, any supported shape, with and
   without gradient checkpointing and LoRA.
2. The trie holds each unique token once and knows who may see whom.
3. Rows of several groups share a layout without seeing each other.
4. A token that is not trained is so in every layout.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from torch import Tensor

from dsk.core.model.adapters import add_lora
from dsk.core.model.architecture import LogitRule
from dsk.core.training.batch import TrainingRow
from dsk.core.training.forward import edge_logprobs, row_values, training_state
from dsk.core.training.logprobs import chosen_logprobs
from dsk.core.training.packing import DensePacking, FlexPacking, Packing, SuffixPacking, TreeBatch
from tests.tiny_models import ARCHITECTURES, FAMILIES, tiny_policy
from tests.tree_rows import VOCABULARY, random_rows

CPU = torch.device("cpu")
SEEDS = st.integers(0, 2**32 - 1)


class ExactNorm(torch.nn.Module):
    """RMSNorm in the model's own precision: transformers computes it in fp32, which hides errors under 1e-7."""

    def __init__(self, norm: Any) -> None:
        super().__init__()
        self.weight, self.epsilon = norm.weight, norm.variance_epsilon

    def forward(self, hidden: Tensor) -> Tensor:
        return self.weight * hidden * (hidden.pow(2).mean(-1, keepdim=True) + self.epsilon).rsqrt()


def exact_model(family: Any, tied: bool, kv_heads: int, dtype: torch.dtype) -> Any:
    model = tiny_policy(family, tied=tied, kv_heads=kv_heads, vocab=VOCABULARY).model.to(dtype)
    if dtype == torch.float64:
        for parent in list(model.modules()):
            for name, child in parent.named_children():
                if type(child).__name__.endswith("RMSNorm"):
                    setattr(parent, name, ExactNorm(child))
    return model


def forward(model: Any, packing: Packing, rows: list[TrainingRow]) -> Tensor:
    layout = packing.lay_out(rows, CPU)
    with training_state(model, layout.attention, checkpointing=False):
        return row_values(edge_logprobs(model, layout)[0], layout)


def run(model: Any, packing: Packing, rows: list[TrainingRow], checkpointing: bool) -> tuple[Tensor, dict[str, Tensor]]:
    """Row log-probabilities and every parameter's gradient of an arbitrary weighting of them."""
    layout = packing.lay_out(rows, CPU)
    model.zero_grad()
    with training_state(model, layout.attention, checkpointing):
        values = row_values(edge_logprobs(model, layout)[0], layout)
        weights = torch.tensor([list(r.advantages) + [0.0] * (values.shape[1] - len(r.advantages)) for r in rows])
        (values * weights.to(values.dtype)).sum().backward()
    gradients = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    return values.detach(), gradients


def assert_equal_training(
    model: Any, packing: Packing, rows: list[TrainingRow], bound: float, checkpointing: bool
) -> None:
    expected, expected_gradients = run(model, DensePacking(), rows, checkpointing=False)
    values, gradients = run(model, packing, rows, checkpointing)
    assert (values - expected).abs().max() <= bound * expected.abs().max()
    scale = max(float(gradient.norm()) for gradient in expected_gradients.values())
    assert gradients.keys() == expected_gradients.keys()
    for name, gradient in gradients.items():
        assert (gradient - expected_gradients[name]).norm() <= bound * scale, name


@given(
    seed=SEEDS,
    family=st.sampled_from(FAMILIES),
    tied=st.booleans(),
    kv_heads=st.sampled_from([1, 2, 4]),
    checkpointing=st.booleans(),
)
@settings(max_examples=20, phases=[Phase.explicit, Phase.generate])
def test_suffix_training_equals_dense_in_fp64(
    seed: int, family: Any, tied: bool, kv_heads: int, checkpointing: bool
) -> None:
    model = exact_model(family, tied, kv_heads, torch.float64)
    assert_equal_training(model, SuffixPacking(), random_rows(seed), 1e-9, checkpointing)


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float32, 1e-5), (torch.bfloat16, 0.05)])
@pytest.mark.parametrize("family", FAMILIES)
def test_suffix_training_equals_dense_in_lower_precision(dtype: torch.dtype, bound: float, family: Any) -> None:
    model = exact_model(family, True, 2, dtype)
    for seed in range(3):
        assert_equal_training(model, SuffixPacking(), random_rows(seed), bound, checkpointing=False)


@pytest.mark.parametrize("family", [family for family in ARCHITECTURES if family not in FAMILIES])
def test_suffix_training_equals_dense_in_every_architecture(family: Any) -> None:
    """fp32 norms inside some of them bound what fp64 can show."""
    model = tiny_policy(family, vocab=VOCABULARY, dtype=torch.float64).model
    for seed in range(2):
        assert_equal_training(model, SuffixPacking(), random_rows(seed), 1e-6, checkpointing=bool(seed))


@pytest.mark.parametrize("family", ["gemma2", "granite", "cohere2"])
@pytest.mark.parametrize("with_entropy", [False, True])
def test_logits_that_are_scaled_or_capped_have_the_gradients_that_autograd_gives(
    family: str, with_entropy: bool
) -> None:
    model = tiny_policy(family).model.double()
    rule, head = LogitRule.of(model.config), model.get_output_embeddings()
    hidden = torch.randn(7, 32, dtype=torch.float64, requires_grad=True, generator=torch.Generator().manual_seed(0))
    targets = torch.arange(7)
    logprobs = (rule(head(hidden)) / 0.7).log_softmax(-1)
    expected = logprobs.gather(1, targets[:, None])[:, 0], -(logprobs.exp() * logprobs).sum(-1)
    found = chosen_logprobs(hidden, head, targets, 0.7, True, 3, rule)
    for own, plain in list(zip(found, expected, strict=True))[with_entropy:]:
        assert own is not None
        torch.testing.assert_close(own, plain)
        gradients = [
            torch.autograd.grad(x.square().sum(), [hidden, head.weight], retain_graph=True) for x in (own, plain)
        ]
        torch.testing.assert_close(*gradients)


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
@pytest.mark.parametrize("family", FAMILIES)
def test_flex_logprobs_equal_dense(family: Any) -> None:
    """Forward only: FlexAttention has no backward pass on CPU."""
    model = exact_model(family, True, 2, torch.float64)
    rows = random_rows(11, leaves=6)
    with torch.no_grad():
        expected, values = (forward(model, packing, rows) for packing in (DensePacking(), FlexPacking()))
    assert (values - expected).abs().max() <= 1e-9


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_packed_training_equals_dense_with_lora(family: Any, checkpointing: bool) -> None:
    model = exact_model(family, True, 2, torch.float64)
    add_lora(model, rank=4, alpha=8.0)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    rows = random_rows(5, leaves=6)
    assert_equal_training(model, SuffixPacking(), rows, 1e-9, checkpointing)
    assert all(("lora" in n) == p.requires_grad for n, p in model.named_parameters())


@given(seed=SEEDS)
def test_trie_holds_each_prefix_once_and_its_ancestors_are_the_paths(seed: int) -> None:
    sequences = [tuple(row.tokens.tolist()) for row in random_rows(seed, groups=3, leaves=6)]
    tree = TreeBatch.build(sequences)
    prefixes = {sequence[: i + 1] for sequence in sequences for i in range(len(sequence))}
    assert tree.size == len(prefixes)
    for sequence, path in zip(sequences, tree.paths, strict=True):
        assert tree.tokens[path].tolist() == list(sequence)
        assert tree.positions[path].tolist() == list(range(len(sequence)))
        assert tree.parent[path].tolist() == [-1, *path[:-1].tolist()]
        for query in path.tolist():
            seen = [k for k in range(query + 1) if query < tree.end[k]]
            assert seen == path[: tree.positions[query] + 1].tolist()


@given(seed=SEEDS)
def test_every_packing_says_which_tokens_are_trained(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = [replace(row, trained=rng.random(len(row.response)) < 0.5) for row in random_rows(seed)]
    for packing in (DensePacking(), SuffixPacking(), FlexPacking()):
        mask = packing.lay_out(rows, CPU).mask.numpy()
        for said, row in zip(mask, rows, strict=True):
            assert said[: len(row.response)].tolist() == row.trained.tolist()
            assert not said[len(row.response) :].any()


def test_equal_trajectories_cost_nothing_and_get_equal_rows() -> None:
    first = random_rows(3, groups=1, leaves=1)[0]
    rows = [first, first, first]
    layout = SuffixPacking().lay_out(rows, CPU)
    assert layout.tokens == len(first.tokens)
    values, _ = run(exact_model("llama", True, 2, torch.float64), SuffixPacking(), rows, checkpointing=False)
    assert torch.equal(values[0], values[1])
    assert torch.equal(values[0], values[2])
