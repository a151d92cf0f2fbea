"""What is computed and what is trained, exactly.

1. Rows that end after their last advantage give the same gradient as whole ones, every loss, dense and suffix: to the
   bit for each token's log-probability, and for the weights up to how matrix products of another shape round.
2. What was given, and what an environment said, is attended to and never trained: every packing equals plain training
   of each row by itself with those tokens in its prompt.
3. Under `train.weight: unique` the gradient is that of each tree's tokens once.
4. An anchor is what the updates after it compute.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from dsk.components.adjustments import ConfidentMask, Whiten
from dsk.components.losses import CISPO, DAPO, GRPO, GSPO, DrGRPO, Reinforce, TreeGRPO
from dsk.core.roles import Loss, LossInputs
from dsk.core.spec import OverlongSpec, SoftClipSpec, TrainSpec
from dsk.core.training.batch import prepare
from dsk.core.training.figures import unique_tokens
from dsk.core.training.forward import edge_logprobs, row_values, training_state
from dsk.core.training.packing import DensePacking, FlexPacking, Packing, SuffixPacking
from dsk.core.training.rows import Totals, TrainingRow, computed_part, padded
from dsk.core.training.trainer import Trainer
from dsk.core.types import Group, Problem, Trajectory
from tests.tiny_models import tiny_policy
from tests.tree_rows import VOCABULARY, random_group, random_rows

CPU = torch.device("cpu")
SEEDS = st.integers(0, 2**32 - 1)
PACKINGS = {"dense": DensePacking(), "suffix": SuffixPacking()}
LOSSES: list[Loss] = [kind.model_validate({}) for kind in (TreeGRPO, GRPO, DrGRPO, DAPO, GSPO, CISPO, Reinforce)]
LOSSES += [
    TreeGRPO.model_validate({"correction": "truncate", "correction_level": level}) for level in ("token", "sequence")
]
NAMES = [f"{loss.kind}{'-' + loss.correction_level if loss.needs_recompute else ''}" for loss in LOSSES]  # type: ignore
POLICY = tiny_policy("llama", vocab=VOCABULARY, seed=3, dtype=torch.float64)


def gradients(rows: Sequence[TrainingRow], totals: Totals, loss: Loss, packing: Packing) -> tuple[Tensor, Tensor]:
    """Of one micro-batch: of all weights, and of the tokens' log-probabilities [B, T]."""
    trainer = Trainer(POLICY, TrainSpec.model_validate({"loss": loss, "packing": "dense"}), 32)
    layout = packing.lay_out(rows, CPU)
    POLICY.model.zero_grad()
    with training_state(POLICY.model, layout.attention, False):
        inputs, _ = trainer._loss_inputs(rows, layout, totals)
        inputs = replace(inputs, old_logprobs=padded([row.old_logprobs for row in rows], inputs.logprobs))
        loss(inputs).loss.backward()
    return flat_gradient(), of_tokens(rows, inputs, loss)


def of_tokens(rows: Sequence[TrainingRow], inputs: LossInputs, loss: Loss) -> Tensor:
    """The loss's gradient where each log-probability is a little off the old one, by its token and place."""
    moved = [row.old_logprobs + np.sin(row.response + np.arange(len(row.response))) for row in rows]
    leaf = padded(moved, inputs.logprobs).requires_grad_()
    loss(replace(inputs, logprobs=leaf)).loss.backward()
    assert leaf.grad is not None
    return leaf.grad


def flat_gradient() -> Tensor:
    parameters = POLICY.model.parameters()
    return torch.cat([(p.grad if p.grad is not None else torch.zeros_like(p)).flatten() for p in parameters])


def with_zero_tails(seed: int) -> list[TrainingRow]:
    """Random rows: some without any advantage, most with none in the end, weights of shared tokens."""
    rng = np.random.default_rng(seed)

    def changed(row: TrainingRow) -> TrainingRow:
        length = len(row.response)
        advantages = np.where(np.arange(length) < rng.integers(0, length + 1), row.advantages, 0.0)
        return replace(row, advantages=advantages, weights=rng.choice([0.5, 1.0], length), counted=float(length))

    return [changed(row) for row in random_rows(seed)]


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("loss", LOSSES, ids=NAMES)
@given(seed=SEEDS)
@settings(max_examples=12, deadline=None)
def test_rows_cut_after_their_last_advantage_give_the_same_gradient(packing: str, loss: Loss, seed: int) -> None:
    rows = with_zero_tails(seed)
    kept = computed_part(rows, loss)
    if not kept:
        assert not any(row.advantages.any() for row in rows)
        return
    whole, whole_tokens = gradients(rows, Totals.of(rows), loss, PACKINGS[packing])
    cut, cut_tokens = gradients(kept, Totals.of(rows), loss, PACKINGS[packing])
    assert float((whole - cut).abs().max()) <= 1e-13 * max(float(whole.abs().max()), 1e-3)
    computed = iter(zip(kept, cut_tokens, strict=True))
    for row, expected in zip(rows, whole_tokens, strict=True):
        part, found = (row.cut(0), expected[:0]) if row.silent else next(computed)
        length = len(part.response)
        assert torch.equal(expected[:length], found[:length])
        assert not expected[length:].any()


@given(seed=SEEDS)
def test_what_is_cut_is_exactly_what_has_no_gradient(seed: int) -> None:
    rows = with_zero_tails(seed)
    cut = computed_part(rows, TreeGRPO.model_validate({}))
    ends = [max((i + 1 for i, a in enumerate(row.advantages) if a), default=0) for row in rows]
    assert [len(row.response) for row in cut] == [end for end in ends if end]
    assert [row.counted for row in cut] == [row.counted for row, end in zip(rows, ends, strict=True) if end]
    assert [len(r.response) for r in computed_part(rows, GSPO())] == [
        len(row.response) for row, end in zip(rows, ends, strict=True) if end
    ]
    acting = GRPO.model_validate({"kl_coef": 0.1})
    assert [len(row.response) for row in computed_part(rows, acting)] == [len(row.response) for row in rows]


def with_given_tokens(seed: int) -> list[TrainingRow]:
    """Random rows with given beginnings and untrained tokens in between; every row trains something."""
    rng = np.random.default_rng(seed)

    def changed(row: TrainingRow) -> TrainingRow:
        length = len(row.response)
        trained = (np.arange(length) >= rng.integers(0, length)) & (rng.random(length) < 0.7)
        trained[rng.integers(length)] = True
        return replace(row, trained=trained, weights=None, counted=None)

    return [changed(row) for row in random_rows(seed)]


def row_by_row(rows: Sequence[TrainingRow]) -> Tensor:
    """`sum A log p` over trained tokens: each a forward pass of its own, all that precedes it as the prompt."""
    POLICY.model.zero_grad()
    for row in rows:
        for place in np.flatnonzero(row.trained).tolist():
            before = np.concatenate([row.prompt, row.response[:place]])
            logits = POLICY.model(input_ids=torch.from_numpy(before.astype(np.int64))[None]).logits[0, -1]
            (float(row.advantages[place]) * logits.log_softmax(-1)[int(row.response[place])]).backward()
    return flat_gradient()


@pytest.mark.parametrize("packing", PACKINGS)
@given(seed=SEEDS)
@settings(max_examples=8, deadline=None)
def test_what_was_given_is_attended_to_and_never_trained(packing: str, seed: int) -> None:
    rows = with_given_tokens(seed)
    expected = row_by_row(rows)
    layout = PACKINGS[packing].lay_out(rows, CPU)
    POLICY.model.zero_grad()
    with training_state(POLICY.model, layout.attention, False):
        values = row_values(edge_logprobs(POLICY.model, layout)[0], layout)
        credit = torch.zeros_like(values)
        for index, row in enumerate(rows):
            credit[index, : len(row.response)] = torch.from_numpy(row.advantages)
        (values * credit).sum().backward()
    assert float((flat_gradient() - expected).abs().max()) <= 1e-6 * max(float(expected.abs().max()), 1e-3)
    assert len(layout.source) <= sum(int(row.trained.sum()) for row in rows), "the head runs for trained tokens only"


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
@given(seed=SEEDS)
@settings(max_examples=5, deadline=None)
def test_flex_knows_given_tokens_as_dense_does(seed: int) -> None:
    rows, found = with_given_tokens(seed), list[Tensor]()
    for packing in (DensePacking(), FlexPacking()):
        layout = packing.lay_out(rows, CPU)
        with torch.no_grad(), training_state(POLICY.model, layout.attention, False):
            found.append(row_values(edge_logprobs(POLICY.model, layout)[0], layout))
    assert float((found[0] - found[1]).abs().max()) <= 1e-6


def search_group(seed: int) -> Group:
    """A random tree of nodes of one to three tokens, each leaf a trajectory, values by node."""
    rng = random.Random(seed)
    nodes: list[tuple[int, ...]] = [()]
    tokens = {(): ()}
    for name in range(1, rng.randint(2, 8)):
        parent = rng.choice(nodes)
        nodes.append((*parent, name))
        tokens[nodes[-1]] = tuple(rng.randrange(VOCABULARY) for _ in range(rng.randint(1, 3)))
    leaves = [path for path in nodes[1:] if not any(other[:-1] == path for other in nodes)]
    members = [member(path, tokens, rng) for path in leaves]
    return Group(Problem("p", "?", "!"), (1, 2), tuple(members), "search")


def member(path: tuple[int, ...], tokens: Any, rng: random.Random) -> Trajectory:
    steps = [tokens[path[: depth + 1]] for depth in range(len(path))]
    text = [token for step in steps for token in step]
    lengths, values = [len(step) for step in steps], tuple(float(np.tanh(node - 3.5)) for node in path)
    return Trajectory(
        tokens=np.asarray(text),
        logprobs=np.full(len(text), -3.5),
        node_lengths=np.asarray(lengths),
        node_ids=path,
        values=values,
        mean_rewards=(0.0,) * (len(path) + 1),
        reward=rng.choice([-1.0, 1.0]),
        entropy=3.5,
        stop="eos",
        version=0,
        origin="search",
    )


@given(seed=SEEDS)
@settings(max_examples=15, deadline=None)
def test_unique_weights_train_each_node_once(seed: int) -> None:
    """REINFORCE, token mean: the written-out sum over distinct nodes, divided by their tokens."""
    train = TrainSpec.model_validate({"loss": {"kind": "reinforce"}, "advantage": "node", "weight": "unique"})
    group = search_group(seed)
    clip = SoftClipSpec(epsilon=1.0, q_max=1.0)
    rows = prepare([group], train, clip, OverlongSpec(), 100)
    credit = train.advantage.values(shaped(group, clip))
    once: dict[int, tuple[np.ndarray, np.ndarray, float]] = {}
    for trajectory, path_credit in zip(group.trajectories, credit, strict=True):
        start = 0
        for node, length, value in zip(trajectory.node_ids, trajectory.node_lengths, path_credit, strict=True):
            before = np.concatenate([[1, 2], trajectory.tokens[:start]])
            once.setdefault(node, (before, trajectory.tokens[start : start + length], value))
            # the ends of a path keep their reward, so that only shared nodes have one value in all rows
            if node != trajectory.node_ids[-1]:
                assert once[node][2] == value
            start += length
    expected = of_nodes(once)
    if not any(row.advantages.any() for row in rows):
        return
    found, _ = gradients(rows, Totals.of(rows), train.loss, SuffixPacking())
    assert float((found - expected).abs().max()) <= 1e-6 * max(float(expected.abs().max()), 1e-3)


def shaped(group: Group, clip: SoftClipSpec) -> Group:
    from dsk.core.training.batch import shape_scores

    return shape_scores(group, clip, OverlongSpec(), 100)


def of_nodes(nodes: dict[int, tuple[np.ndarray, np.ndarray, float]]) -> Tensor:
    total = sum(len(tokens) for _, tokens, _ in nodes.values())
    POLICY.model.zero_grad()
    for before, tokens, value in nodes.values():
        ids = torch.from_numpy(np.concatenate([before, tokens]).astype(np.int64))
        logprobs = POLICY.model(input_ids=ids[None]).logits[0].log_softmax(-1)
        chosen = logprobs[torch.arange(len(before) - 1, len(ids) - 1), ids[len(before) :]]
        (-value * chosen.sum() / total).backward()
    return flat_gradient()


@given(seed=SEEDS)
@settings(max_examples=10, deadline=None)
def test_an_anchor_computes_what_the_updates_after_it_do(seed: int) -> None:
    """Also where an adjustment decides by the mini-batch what is computed."""
    groups = [random_group(seed + number) for number in range(5)]
    fields: dict[str, Any] = {
        "loss": {"kind": "tree_grpo", "correction": "truncate"},
        "advantage": "outcome",
        "adjustments": [ConfidentMask(rho=0.05), Whiten()],
        "mini_batch_problems": 2,
        "batch_problems": 5,
    }
    trainer = Trainer(POLICY, TrainSpec.model_validate(fields), 32)
    computed = [row for at in (0, 2, 4) for row in trainer._computed(trainer._rows(groups[at : at + 2]))]
    assert [row.key for row in trainer._anchored(groups)] == [row.key for row in computed]
    expected = sum(unique_tokens(trainer._computed(trainer._rows(groups[at : at + 2]))) for at in (0, 2, 4))
    assert trainer.anchor(groups) == expected
