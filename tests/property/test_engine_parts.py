"""The parts of the transformers engine against slow, obvious versions."""

import itertools

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dsk.components.engines.decoding.attention import Grouping
from dsk.components.engines.decoding.drawing import BLOCK, invert, truncate, uniforms
from dsk.components.engines.decoding.engine_session import least_tokens
from dsk.components.engines.decoding.prefix_tree import PrefixTree
from dsk.components.engines.transformers import Transformers
from dsk.core.types import SampleRequest
from dsk.testing.engine import finish

TOKEN_BYTES = 4
sequences = st.lists(st.integers(0, 2), min_size=1, max_size=9).map(tuple)


def kv_of(tokens, start, stop):
    """Keys and values that name the whole path to each token, so that a mix-up shows."""
    marks = [hash(tokens[: i + 1]) % 100_003 for i in range(start, stop)]
    return torch.tensor(marks, dtype=torch.float32)[None, None, None, :, None]


@given(st.lists(st.tuples(st.sampled_from(["insert", "match", "evict"]), sequences), max_size=30))
def test_the_prefix_tree_gives_back_what_was_put_in(actions):
    tree, inserted = PrefixTree(TOKEN_BYTES), set()
    for action, tokens in actions:
        if action == "insert":
            tree.insert(tokens, lambda start, stop, tokens=tokens: kv_of(tokens, start, stop))
            inserted.add(tokens)
        if action == "evict":
            before = tree.bytes
            freed = tree.evict(len(tokens) * TOKEN_BYTES)
            assert tree.bytes == before - freed
            assert freed >= min(before, len(tokens) * TOKEN_BYTES)
        match = tree.match(tokens)
        segments = list(match.segments(match.cached))
        found = torch.cat(segments, 3) if segments else kv_of(tokens, 0, 0)
        assert torch.equal(found, kv_of(tokens, 0, match.cached))
        known = max((common(tokens, other) for other in inserted), default=0)
        assert match.cached <= match.seen == known
        assert action != "insert" or match.cached == len(tokens)
        check_books(tree)


def check_books(tree):
    """What is kept is what the budget counts, all of it can be dropped, and always a leaf first."""
    kept = [node for node in nodes_of(tree) if node.kv is not None]
    order = {node: place for place, node in enumerate(tree.kept)}
    assert set(order) == set(kept)
    assert tree.bytes == sum(node.kv.shape[3] for node in kept) * TOKEN_BYTES
    assert all(node.kv.shape[3] == len(node.tokens) for node in kept)
    assert all(order[node] < order[node.parent] for node in kept if node.parent is not tree.root)


def nodes_of(tree):
    pending = list(tree.root.children.values())
    while pending:
        node = pending.pop()
        pending.extend(node.children.values())
        yield node


def common(a, b):
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


@given(st.lists(sequences, min_size=1, max_size=8))
def test_the_prefix_tree_holds_each_token_once(inserts):
    tree = PrefixTree(TOKEN_BYTES)
    for tokens in inserts:
        tree.insert(tokens, lambda start, stop, tokens=tokens: kv_of(tokens, start, stop))
    distinct = {tokens[: i + 1] for tokens in inserts for i in range(len(tokens))}
    assert tree.bytes == len(distinct) * TOKEN_BYTES
    assert tree.evict(1 << 30) == len(distinct) * TOKEN_BYTES


def test_the_least_recently_used_leaf_goes_first():
    tree = PrefixTree(TOKEN_BYTES)
    for tokens in ((1, 2), (1, 3), (1, 4)):
        tree.insert(tokens, lambda start, stop, tokens=tokens: kv_of(tokens, start, stop))
    tree.match((1, 2))
    tree.evict(TOKEN_BYTES)
    assert [tree.match(tokens).cached for tokens in ((1, 2), (1, 3), (1, 4))] == [2, 1, 2]


@given(st.data(), st.sampled_from([3, 50, 4 * BLOCK, 4 * BLOCK + 1, 7 * BLOCK + 5]))
def test_drawing_inverts_the_cumulative_distribution(data, size):
    rng = np.random.default_rng(data.draw(st.integers(0, 1 << 20)))
    weights = torch.tensor(rng.random((4, size)) * (rng.random((4, size)) < data.draw(st.floats(0.05, 1))))
    weights[:, rng.integers(size)] = 1.0
    uniform = torch.tensor(rng.random(4))
    uniform[0] = data.draw(st.sampled_from([0.0, 1 - 2**-53, 0.5]))
    tokens = invert(weights, uniform)
    cumulative = weights.cumsum(-1)
    assert (weights.gather(1, tokens[:, None]) > 0).all()
    low = (cumulative - weights).gather(1, tokens[:, None])[:, 0] / cumulative[:, -1]
    high = cumulative.gather(1, tokens[:, None])[:, 0] / cumulative[:, -1]
    assert (low - 1e-9 <= uniform).all()
    assert (uniform <= high + 1e-9).all()


@given(st.integers(0, 1 << 20), st.floats(0.01, 1), st.integers(1, 12))
def test_truncation_keeps_the_smallest_set_of_enough_mass(seed, top_p, top_k):
    weights = torch.tensor(np.random.default_rng(seed).dirichlet(np.full(10, 0.5)))[None]
    kept = truncate(weights, torch.tensor([top_p], dtype=torch.float64), torch.tensor([top_k]))[0]
    ordered = sorted(weights[0].tolist(), reverse=True)[:top_k]
    size = next((i + 1 for i in range(len(ordered)) if sum(ordered[: i + 1]) >= top_p * sum(ordered)), len(ordered))
    survivors = sorted(kept[kept > 0].tolist(), reverse=True)
    assert survivors == ordered[: len(survivors)]
    assert abs(len(survivors) - size) <= (1 if abs(sum(ordered[:size]) - top_p * sum(ordered)) < 1e-9 else 0)


def test_a_samples_numbers_depend_on_seed_and_index_only():
    assert np.array_equal(uniforms(5, 2, 10), uniforms(5, 2, 30)[:10])
    assert not np.array_equal(uniforms(5, 2, 10), uniforms(5, 3, 10))
    assert not np.array_equal(uniforms(5, 2, 10), uniforms(6, 2, 10))


@given(st.lists(st.integers(0, 4), min_size=1, max_size=12))
def test_rows_come_back_from_their_lanes(lane_of_row):
    lanes = max(lane_of_row) + 1
    grouping = Grouping.of(lane_of_row, lanes, torch.device("cpu"))
    rows = torch.randn(len(lane_of_row), 2, 3, 5)
    by_lane = grouping.to_lanes(rows)
    assert by_lane.shape == (lanes, 2, 3 * grouping.width, 5)
    assert torch.equal(grouping.to_rows(by_lane), rows)
    for row, lane in enumerate(lane_of_row):
        assert any(torch.equal(by_lane[lane][:, k * 3 : k * 3 + 3], rows[row]) for k in range(grouping.width))


OPTIONS = st.fixed_dictionaries(
    {
        "n": st.integers(1, 6),
        "max_tokens": st.integers(1, 60),
        "seed": st.integers(0, 5),
        "length": st.integers(1, 60),
        "cancel": st.sampled_from([None, None, None, 0, 1, 2]),
    }
)


class TestBudget:
    """What the engine returns does not depend on its budget, its rows, or on who else is there."""

    from tiny_models import tiny_policy

    policy = tiny_policy("qwen2", tied=False)
    text = tuple(policy.encode("(1+2)*(3+4)-5*(6-7)+8*9-(10+11)/(12-13)+14*15-(16+17)*(18-19)"))
    token_bytes = 2 * 2 * 2 * 8 * 4

    def samples(self, engine, requests, cancel_after):
        """Tokens by request; those in `cancel_after` are cancelled after that many polls, where still under way."""
        done = {}
        with engine.open_once(self.policy) as session:
            for request in requests:
                session.submit(request)
            for polls in itertools.count():
                for name in (name for name, after in cancel_after.items() if after == polls):
                    session.cancel(name)
                if not (completions := session.poll()):
                    break
                done |= {c.request_id: [s.tokens for s in c.samples] for c in completions}
            memory = session.decoder.memory
            assert session.stats().peak_cache_bytes <= memory.budget
            assert memory.tree.bytes == sum(node.kv.nbytes for node in memory.tree.kept)
        return done

    @settings(max_examples=40)
    @given(st.lists(OPTIONS, min_size=1, max_size=8), st.integers(0, 1100), st.integers(1, 13))
    def test_every_accepted_request_completes_with_the_same_samples_on_any_budget(self, options, spare, max_rows):
        """The smallest budget is the one that `submit` asks for; what was cancelled in time may be missing."""
        requests = [
            SampleRequest(f"r{i}", self.text[: o["length"]], o["n"], o["max_tokens"], o["seed"])
            for i, o in enumerate(options)
        ]
        cancel_after = {f"r{i}": o["cancel"] for i, o in enumerate(options) if o["cancel"] is not None}
        least = max(least_tokens(len(r.prefix), r.max_tokens) for r in requests)
        tight = Transformers(max_rows=max_rows, cache_bytes=(least + spare) * self.token_bytes)
        ample = Transformers(max_rows=64, cache_bytes=1 << 24)
        expected = self.samples(ample, requests, {})
        found = self.samples(tight, requests, cancel_after)
        assert found == {name: expected[name] for name in found}
        assert expected.keys() - found.keys() <= cancel_after.keys()

    def test_a_wide_first_buffer_does_not_starve_the_rows(self):
        """Sixteen lanes of this prefix fit just so, and leave nothing for the rows: then it must be fewer lanes."""
        request = SampleRequest("a", self.text[:20], n=3, max_tokens=40, seed=1)
        with Transformers(max_rows=13, cache_bytes=1171 * self.token_bytes).open_once(self.policy) as session:
            assert [s.tokens for s in finish(session, request)["a"]] == self.samples(
                Transformers(max_rows=13, cache_bytes=1 << 24), [request], {}
            )["a"]
