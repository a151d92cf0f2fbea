"""`rounds.py` against a slow, obvious simulation of Algorithm 1 on scripted policies.

1. Hard sets, groups and cache contents of every round are the simulation's, whatever the policy does.
2. Each stop rule ends the run where it says.
"""

import random
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_rounds import LENGTH, Growing, is_right, run_scripted, scripted_spec

from dsk.components.rollouts import Direct, Tree
from dsk.core.run.kept_run import Run
from dsk.core.run.records import read_jsonl
from dsk.core.run.stored_groups import read_groups
from dsk.core.seeding import derive_seed
from dsk.core.spec import RunSpec

Tokens = tuple[int, ...]


@dataclass
class Algorithm1:
    """The paper's Algorithm 1, one problem after the other, with nothing but lists."""

    spec: RunSpec
    version: int = 0
    steps: int = 0
    tokens: int = 0
    hard_sets: list[list[str]] = field(default_factory=list)
    groups: list[list[tuple[str, str, list[Tokens]]]] = field(default_factory=list)
    cache: dict[str, list[Tokens]] = field(default_factory=dict)
    cache_sizes: list[int] = field(default_factory=list)
    found: dict[tuple[str, Tokens], int] = field(default_factory=dict)
    aged: list[int] = field(default_factory=list)

    def run(self) -> "Algorithm1":
        hard = self.screen([f"p{n}" for n in range(len(self.policy.skill))], 0)
        for round_ in range(self.spec.rounds.count):
            if not hard or self.spent():
                break
            found = self.train(round_, hard)
            self.aged.append(sum(len(self.cache.get(p, [])) - len(self.young(p, round_)) for p in hard))
            hard = self.screen(hard, round_ + 1)
            for problem, origin, responses in found:
                if problem in hard and (origin == "search" or self.spec.admit == "all"):
                    self.admit(problem, responses, round_)
            self.cache_sizes.append(sum(map(len, self.cache.values())))
        return self

    @property
    def policy(self) -> Growing:
        assert isinstance(self.spec.engine, Growing)
        return self.spec.engine

    def spent(self) -> bool:
        bounds = self.spec.rounds
        if bounds.max_steps and self.steps >= bounds.max_steps:
            return True
        return bool(bounds.max_tokens) and self.tokens >= bounds.max_tokens

    def sample(self, problem: str, n: int, seed: int) -> list[Any]:
        self.tokens += n * LENGTH
        return [self.policy.draw(100 + int(problem[1:]), seed, i, self.version) for i in range(n)]

    def screen(self, problems: list[str], round_: int) -> list[str]:
        settings, hard = self.spec.screen, []
        for problem in problems:
            samples = self.sample(problem, settings.samples, derive_seed(self.spec.seed, "screen", round_, problem))
            rate = sum(is_right(s.tokens) for s in samples) / settings.samples
            if rate < settings.threshold or (settings.comparison == "<=" and rate == settings.threshold):
                hard.append(problem)
        self.hard_sets.append(hard)
        return hard

    def train(self, round_: int, hard: list[str]) -> list[tuple[str, str, list[Tokens]]]:
        """The round's steps; every group that was not replayed, with its responses."""
        found: list[tuple[str, str, list[Tokens]]] = []
        for batch in self.batches(round_, hard):
            if self.spent():
                break
            step = [self.group(problem, round_) for problem in batch]
            self.groups.append(step)
            self.version += -(-len(batch) // self.spec.train.mini_batch_problems)
            self.steps += 1
            found += [(p, origin, [r for r in rs if r not in self.cache.get(p, [])]) for p, origin, rs in step]
        return found

    def batches(self, round_: int, hard: list[str]) -> list[list[str]]:
        size, wanted, batches, turn = self.spec.train.batch_problems, self.spec.rounds.steps, [], 0
        while not batches or len(batches) < wanted:
            order = list(hard)
            random.Random(derive_seed(self.spec.seed, "order", round_, turn)).shuffle(order)
            while order:
                batches.append(order[:size])
                order = order[size:]
            turn += 1
        return batches[:wanted] if wanted else batches

    def group(self, problem: str, round_: int) -> tuple[str, str, list[Tokens]]:
        rollout, seed = self.spec.rollout, derive_seed(self.spec.seed, "train", round_, self.steps, problem)
        young = self.young(problem, round_)
        if self.spec.replay is not None and young:
            total = self.spec.replay.group_size()
            cached = young[:total]
            fresh = self.sample(problem, total - len(cached), seed)
            return problem, "cached", cached + [s.tokens for s in fresh]
        if isinstance(rollout, Direct):
            return problem, "direct", [s.tokens for s in self.sample(problem, rollout.samples, seed)]
        assert isinstance(rollout, Tree)
        return problem, "search", self.one_expansion(rollout, problem, derive_seed(seed, ""))

    def one_expansion(self, rollout: Tree, problem: str, seed: int) -> list[Tokens]:
        """A search of depth one: every child of the root is terminal."""
        samples = self.sample(problem, rollout.width, seed)
        if rollout.record == "all":
            return [s.tokens for s in samples]
        right = [s for s in samples if is_right(s.tokens)]
        return [max(right or samples, key=lambda s: sum(s.logprobs)).tokens]

    def young(self, problem: str, round_: int) -> list[Tokens]:
        """What was found in the last `replay_age` rounds."""
        bound = self.spec.replay_age or 1000
        return [r for r in self.cache.get(problem, []) if round_ - self.found[problem, r] <= bound]

    def admit(self, problem: str, responses: list[Tokens], round_: int) -> None:
        for response in responses:
            known = self.cache.setdefault(problem, []) if is_right(response) else [response]
            if response not in known:
                known.append(response)
                self.found[problem, response] = round_


def hard_sets(run: Run) -> list[list[str]]:
    count = 1 + len([r for r in run.records if r["event"] == "round"])
    files = [run.folder / "rounds" / str(n) / "hard_set.jsonl" for n in range(count)]
    return [[row["id"] for row in read_jsonl(file)] for file in files]


def groups(run: Run) -> list[list[tuple[str, str, list[Tokens]]]]:
    files = sorted((run.folder / "trees").glob("*.jsonl.zst"))
    return [
        [(g.problem.id, g.origin, [tuple(t.tokens.tolist()) for t in g.trajectories]) for g in read_groups(f)]
        for f in files
    ]


def cache(run: Run, spec: RunSpec) -> dict[str, list[Tokens]]:
    found: dict[str, list[Tokens]] = {}
    with spec.cache.open(str(run.folder), spec.task.identity, spec.verifier.identity) as session:
        for entry in session.entries():
            found.setdefault(entry.problem_id, []).append(entry.tokens)
    return found


share = st.sampled_from([0.0, 0.1, 0.3, 0.6, 1.0])
size = st.integers(1, 4)
trees = st.builds(
    lambda width, trajectories, record: {
        "kind": "tree",
        "width": width,
        "max_depth": 1,
        "step_tokens": LENGTH,
        "trajectories": trajectories,
        "max_expansions": 1,
        "record": record,
    },
    size,
    size,
    st.sampled_from(["one", "all"]),
)
cached = st.fixed_dictionaries({"samples": size})


@st.composite
def specs(draw: st.DrawFn) -> RunSpec:
    batch = draw(st.integers(1, 3))
    return scripted_spec(
        draw(st.lists(share, min_size=1, max_size=5)),
        draw(st.sampled_from([0.0, 0.0, 0.02, -0.05, 0.2])),
        seed=draw(st.integers(0, 99)),
        screen={
            "samples": draw(st.integers(1, 4)),
            "threshold": draw(st.sampled_from([0.25, 0.5, 1.0])),
            "comparison": draw(st.sampled_from(["<", "<="])),
        },
        rollout=draw(
            st.one_of(trees, trees, trees, st.fixed_dictionaries({"kind": st.just("direct"), "samples": size}))
        ),
        replay=draw(st.one_of(cached, cached, st.none())),
        replay_age=draw(st.sampled_from([None, None, 1, 2])),
        admit=draw(st.sampled_from(["search", "search", "all"])),
        train={"batch_problems": batch, "mini_batch_problems": draw(st.integers(1, batch))},
        rounds={
            "count": draw(st.integers(1, 4)),
            "steps": draw(st.integers(0, 4)),
            "max_steps": draw(st.sampled_from([0, 0, 1, 5])),
            "max_tokens": draw(st.sampled_from([0, 0, 1, 60])),
        },
    )


@settings(max_examples=60, deadline=None)
@given(specs())
def test_rounds_are_a_slow_obvious_simulation_of_algorithm_1(spec: RunSpec) -> None:
    expected = Algorithm1(spec).run()
    with tempfile.TemporaryDirectory() as folder:
        run = run_scripted(spec, Path(folder) / "run")
        assert hard_sets(run) == expected.hard_sets
        assert groups(run) == expected.groups
        assert cache(run, spec) == expected.cache
    assert [r["cached_solutions"] for r in run.summary["rounds"]] == expected.cache_sizes
    assert [r["aged"] for r in run.summary["rounds"]] == expected.aged
    assert (run.summary["steps"], run.summary["updates"]) == (expected.steps, expected.version)
    assert run.summary["sampled_tokens"] == expected.tokens


def test_the_simulation_meets_replay_growth_and_an_emptied_hard_set() -> None:
    """What the property is worth: its policies reach every branch of Algorithm 1."""
    slow = Algorithm1(scripted_spec([0.3] * 5, 0.0, rounds={"count": 4})).run()
    assert {origin for step in slow.groups for _, origin, _ in step} == {"search", "cached"}
    assert any(len(responses) > 0 for responses in slow.cache.values())
    short = Algorithm1(scripted_spec([0.3] * 5, 0.0, rounds={"count": 4}, replay_age=1)).run()
    assert any(short.aged)
    assert not Algorithm1(scripted_spec([0.3] * 3, 0.5, rounds={"count": 9})).run().hard_sets[-1]


def run_in(tmp_path: Path, skill: float = 0.0, gain: float = 0.0, **rounds: float) -> Run:
    return run_scripted(scripted_spec([skill] * 4, gain, rounds={"count": 3, **rounds}), tmp_path / "run")


def test_without_another_bound_a_run_ends_after_its_rounds(tmp_path: Path) -> None:
    assert (len(run_in(tmp_path).summary["rounds"]), run_in(tmp_path / "2").summary["steps"]) == (3, 6)


@pytest.mark.parametrize(
    ("bound", "steps"),
    [
        ({"steps": 1}, 3),
        ({"max_steps": 1}, 1),
        ({"max_tokens": 1}, 0),
        ({"max_tokens": 16 + 12}, 1),
        ({"max_updates": 3}, 2),
        ({"max_model_tokens": 16 + 12 + 60}, 1),
        ({"max_hours": 1e-12}, 0),
        ({"max_hours": 100.0}, 6),
        ({"max_train_seconds": 1e-9}, 0),
        ({"max_train_seconds": 1e6}, 6),
    ],
)
def test_each_stop_rule_ends_the_run_where_it_says(tmp_path: Path, bound: dict[str, float], steps: int) -> None:
    run = run_in(tmp_path, **bound)
    assert run.summary["steps"] == steps
    assert [r["event"] for r in run.records][-1] == "finished"


def test_an_empty_hard_set_ends_the_run(tmp_path: Path) -> None:
    at_once = run_in(tmp_path / "easy", skill=1.0).summary
    assert (at_once["steps"], at_once["rounds"]) == (0, [])
    later = run_in(tmp_path / "learnt", skill=0.0, gain=1.0).summary
    assert [r["still_hard"] for r in later["rounds"]] == [0]


def test_another_runs_solutions_are_as_old_as_the_run(tmp_path: Path) -> None:
    """Found before round 0: replayed for `replay_age` rounds, and kept after that."""
    shared = {"kind": "sqlite", "path": str(tmp_path / "shared.sqlite")}
    run_scripted(scripted_spec([0.3] * 5, 0.0, name="first", cache=shared), tmp_path / "first")
    spec = scripted_spec([0.0] * 5, 0.0, name="second", cache=shared, replay_age=2, rounds={"count": 4})
    second = run_scripted(spec, tmp_path / "second")
    replayed = [{origin for _, origin, _ in step} for step in groups(second)]
    steps = len(replayed) // 4
    assert ["cached" in set().union(*replayed[n * steps : (n + 1) * steps]) for n in range(4)] == [
        True,
        True,
        False,
        False,
    ]
    kept = sum(map(len, cache(second, spec).values()))
    assert [r["aged"] for r in second.summary["rounds"]] == [0, 0, kept, kept]
