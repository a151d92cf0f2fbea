"""Groups and trees of a step come back from disk as they were, whatever is in them.

1. What `read_groups` gives is what `write_groups` took, dtypes included; the same for trees.
2. A file whose numbers do not fit together is one clear line.
"""

from __future__ import annotations

import tempfile
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from dsk.core.errors import DamagedFileError
from dsk.core.run.stored_groups import group_files, read_groups, step_file, write_groups
from dsk.core.run.stored_trees import TREES, read_trees, write_trees
from dsk.core.tree_record import TreeRecord
from dsk.core.types import Group, Problem, Terminal, Trajectory

number = st.floats(allow_nan=False, allow_infinity=False)
logprob = st.floats(max_value=0.0, allow_nan=False, allow_infinity=False)
reward = st.floats(-1, 1)
token = st.integers(0, (1 << 31) - 1)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
stop = st.sampled_from(["eos", "stop", "length"])
figures = st.dictionaries(text, number, max_size=3)
node = st.integers(0, 1 << 20)


def exactly(draw: st.DrawFn, part: st.SearchStrategy[Any], count: int) -> list[Any]:
    return draw(st.lists(part, min_size=count, max_size=count))


@st.composite
def trajectories(draw: st.DrawFn) -> Trajectory:
    lengths = draw(st.lists(st.integers(0, 4), max_size=4))
    prefix, steps = draw(st.integers(0, 3)), len(lengths)
    tokens = prefix + sum(lengths)
    return Trajectory(
        tokens=exactly(draw, token, tokens),  # type: ignore[arg-type]
        logprobs=exactly(draw, logprob, tokens),  # type: ignore[arg-type]
        node_lengths=lengths,  # type: ignore[arg-type]
        node_ids=tuple(exactly(draw, node, steps)),
        values=tuple(exactly(draw, number, steps)),
        mean_rewards=tuple(exactly(draw, reward, steps + 1)),
        reward=draw(reward),
        entropy=draw(number),
        stop=draw(stop),
        version=draw(node),
        origin=draw(st.sampled_from(["search", "direct", "cached"])),
        answer=draw(st.none() | text),
        path=tuple(draw(st.lists(node, max_size=4))),
        trained=draw(st.none() | st.lists(st.booleans(), min_size=tokens, max_size=tokens)),  # type: ignore[arg-type]
        tree=draw(st.integers(0, 3)),
        correct=draw(st.none() | st.booleans()),  # type: ignore[arg-type]
    )


messages = st.lists(st.fixed_dictionaries({"role": text, "content": text}), max_size=2).map(tuple)
problems = st.builds(
    Problem, id=text, prompt=text | messages, answer=text, meta=st.dictionaries(text, text, max_size=2)
)
terminals = st.builds(
    Terminal,
    path=st.lists(node, max_size=4).map(tuple),
    reward=reward,
    length=node,
    probe=st.booleans(),
    correct=st.booleans(),
)
groups = st.builds(
    Group,
    problem=problems,
    prompt_tokens=st.lists(token, max_size=4).map(tuple),
    trajectories=st.lists(trajectories(), max_size=3).map(tuple),
    origin=st.sampled_from(["search", "direct", "cached"]),
    stats=figures,
    terminals=st.lists(terminals, max_size=3).map(tuple),
    history=figures,
)


@st.composite
def trees(draw: st.DrawFn) -> TreeRecord:
    lengths = np.array(draw(st.lists(st.integers(0, 3), min_size=1, max_size=6)), np.int64)
    nodes, tokens = len(lengths), int(lengths.sum())
    chosen, ended = (draw(st.lists(st.integers(0, nodes - 1), max_size=4)) for _ in range(2))
    column = {name: np.array(exactly(draw, number, nodes), np.float64) for name in ("value", "entropy")}
    said = [np.array(exactly(draw, number | st.just(float("nan")), n), np.float64) for n in (nodes, len(chosen))]
    return TreeRecord(
        problem_id=draw(text),
        parent=np.array([-1, *(draw(st.integers(0, n - 1)) for n in range(1, nodes))], np.int32),
        token_ends=lengths.cumsum(),
        tokens=np.array(exactly(draw, token, tokens), np.int32),
        logprobs=np.array(exactly(draw, logprob, tokens), np.float64),
        visits=np.array(exactly(draw, node, nodes), np.int64),
        **column,
        score=said[0],
        terminal=np.array(exactly(draw, st.booleans(), nodes), np.bool_),
        stops=tuple(exactly(draw, stop, nodes)),
        order=np.array(chosen, np.int32),
        choice_score=said[1],
        among_siblings=np.array(exactly(draw, st.booleans(), len(chosen)), np.bool_),
        candidates=np.array(exactly(draw, node, len(chosen)), np.int32),
        verified=np.array(ended, np.int32),
        rewards=np.array(exactly(draw, reward, len(ended)), np.float64),
        correct=np.array(exactly(draw, st.booleans(), len(ended)), np.bool_),
        answers=tuple(exactly(draw, st.none() | text, len(ended))),
    )


@given(st.lists(st.builds(replace, groups, tree=st.none() | trees()), max_size=3))
def test_a_step_is_read_back_as_it_was_written(step: list[Group]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_groups(step_file(Path(folder), 7), step)
        write_trees(step_file(Path(folder), 7, TREES), step)
        [file] = group_files(Path(folder))
        read, kept = read_groups(file), read_trees(step_file(Path(folder), 7, TREES))
    assert read == [replace(group, tree=None) for group in step]
    assert kept == [group.tree for group in step if group.tree is not None]
    assert [types_of(t) for g in read for t in g.trajectories] == [types_of(t) for g in step for t in g.trajectories]
    assert [types_of(tree) for tree in kept] == [types_of(g.tree) for g in step if g.tree is not None]


def types_of(record: Any) -> list[Any]:
    return [value.dtype for f in fields(record) if isinstance(value := getattr(record, f.name), np.ndarray)]


def a_group() -> Group:
    t = Trajectory([5, 6], [-1.0, -2.0], [2], (1,), (1.0,), (1.0, 1.0), 1.0, 0.1, "eos", 0, "search")  # type: ignore[arg-type]
    return Group(Problem("p", "x", "1"), (1,), (t,), "search", {"tokens": 2.0}, (Terminal((1,), 1.0, 2),))


def a_tree() -> TreeRecord:
    two, one = np.zeros(2), np.zeros(1)
    return TreeRecord(
        "p", np.array([-1, 0]), np.array([0, 1]), one.astype(int), one, two, two, two, two, two.astype(bool),
        ("length", "eos"), one.astype(int), one, one.astype(bool), one.astype(int), one.astype(int), one,
        one.astype(bool), (None,),
    )  # fmt: skip


def rewritten(file: Path, change: Any) -> None:
    row = orjson.loads(zstandard.ZstdDecompressor().decompress(file.read_bytes()))
    change(row)
    text = orjson.dumps(row).replace(b'"1e999"', b"1e999")
    file.write_bytes(zstandard.ZstdCompressor().compress(text + b"\n"))


GROUP_FAULTS = {
    "tokens.1: Input should be less than 2147483648": ("tokens", [5, 1 << 40]),
    "tokens.0: Input should be greater than or equal to 0": ("tokens", [-5, 1]),
    "logprobs.0: Input should be a finite number": ("logprobs", ["1e999", -1.0]),
    "logprobs.1: Input should be a valid number": ("logprobs", [-1.0, None]),
    "figures are not as many as its tokens or steps": ("trained", [True]),
    "not as many as its tokens": ("node_lengths", [3]),
}


@pytest.mark.parametrize("fault", GROUP_FAULTS)
def test_a_trajectory_that_does_not_fit_together_is_one_clear_line(tmp_path: Path, fault: str) -> None:
    file, (name, value) = step_file(tmp_path, 0), GROUP_FAULTS[fault]
    write_groups(file, [a_group()])
    rewritten(file, lambda row: row["trajectories"][0].__setitem__(name, value))
    with pytest.raises(DamagedFileError, match=rf"000000.jsonl.zst:1: damaged: .*{fault}.*; restore it"):
        read_groups(file)


TREE_FAULTS = {
    "parent.0: Input should be greater than or equal to -1": ("parent", [-2, 0]),
    "a node's parent is not one before it": ("parent", [-1, 1]),
    "token_ends do not cut the tokens into nodes": ("token_ends", [0, 2]),
    "an expansion or an end names a node that is not there": ("order", [2]),
    "order, choice_score, among_siblings, candidates are not equally many": ("candidates", [1, 2]),
    "verified, rewards, correct, answers are not equally many": ("answers", []),
}


@pytest.mark.parametrize("fault", TREE_FAULTS)
def test_a_tree_that_does_not_fit_together_is_one_clear_line(tmp_path: Path, fault: str) -> None:
    file, (name, value) = step_file(tmp_path, 0, TREES), TREE_FAULTS[fault]
    write_trees(file, [replace(a_group(), tree=a_tree())])
    assert len(read_trees(file)) == 1
    rewritten(file, lambda row: row.__setitem__(name, value))
    with pytest.raises(DamagedFileError, match=rf"000000.trees.jsonl.zst:1: damaged: {fault}; restore it"):
        read_trees(file)
