"""A run that ends by a budget, stopped or killed anywhere, equals the one that was left alone.

1. Events, evaluations, cache and charged tokens are equal, and the weights to the byte; in bfloat16 too.
2. So for every bound; what a process's first-use check computes is not charged.
3. Whether a step may begin is decided once: what was begun is finished, however much was spent meanwhile.
4. Rejected solutions of a cache are named once.
5. How long verdicts take changes nothing: those that decide what is decoded next are taken in at fixed points.
"""

import itertools
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace

import pytest
from small_run import figures, save_model, small_spec

import dsk
from dsk.core.errors import InterruptedRun
from dsk.core.run import ledger
from dsk.core.sampling import questions

EVERY = {"samples": 2, "hard_only": False, "every": 1}
TRAIN = {"batch_problems": 4, "mini_batch_problems": 2, "micro_batch_tokens": 40}
FAST = {"lr": 1e-2, "warmup_steps": 3}
TREE = {"kind": "tree", "width": 2, "max_depth": 3, "step_tokens": 4, "trajectories": 3}
CHARGED = ("sampled_tokens", "prefix_tokens", "scored_tokens", "trained_tokens", "screening_tokens", "model_tokens")
CASES = {
    "max_updates": {"rounds": {"count": 50, "steps": 2, "max_updates": 5}, "evaluate": EVERY},
    "max_model_tokens": {"rounds": {"count": 50, "steps": 2, "max_model_tokens": 1500}, "evaluate": EVERY},
    "max_tokens": {"rounds": {"count": 50, "steps": 2, "max_tokens": 700}, "evaluate": EVERY},
    "temperature": {"rounds": {"count": 1, "steps": 2}, "sampling": {"temperature": 0.7, "top_p": 0.9}},
    "correction, KL and entropy": {
        "rounds": {"count": 1, "steps": 2},
        "train": {
            **TRAIN,
            "optimizer": FAST,
            "loss": {"kind": "tree_grpo", "correction": "truncate", "kl_coef": 0.1, "entropy_coef": 0.01},
        },
    },
    "bfloat16": {"rounds": {"count": 1, "steps": 3}, "dtype": "bfloat16"},
    "prefixes": {"rounds": {"count": 2, "steps": 2}, "replay": {"kind": "prefix", "rollout": TREE}},
    "value head": {
        "rounds": {"count": 1, "steps": 3},
        "rollout": {**TREE, "prune_below": 0.5, "selector": {"kind": "frontier", "score_weight": 2.0}},
        "scorer": {"kind": "value_head", "hidden": 4, "through": 0.5, "warmup_updates": 2},
    },
    "failing prefixes": {
        "rounds": {"count": 2, "steps": 2},
        "rollout": {"kind": "prefix", "inside": "failures", "pass_mark": 0.5, "rollout": TREE},
        "replay": None,
    },
    "aged solutions": {"rounds": {"count": 4, "steps": 1}, "replay_age": 1},
    "direct": {"rounds": {"count": 2, "steps": 2}, "rollout": {"kind": "direct", "samples": 4}, "admit": "all"},
}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("model"))


def spec_of(model: Path, name: str) -> dsk.RunSpec:
    changes = dict(CASES[name])
    place = {"path": str(model), "device": "cpu", "dtype": changes.pop("dtype", "float32")}
    return small_spec(model, **{"checkpoint_every": 2, "probe_bound": 5.0, "model": place} | changes)


class Killed(BaseException):
    """Nothing in dsk catches it: what is not on disk by now is lost."""


class Killer:
    """A listener that kills at the record of this number."""

    def __init__(self, number: int) -> None:
        self.left = number

    def record(self, record):
        self.left -= 1
        if self.left == 0:
            raise Killed

    def progress(self, phase, progress):
        """Nothing to do."""


class Stop:
    """Ctrl-C at the call of this number."""

    def __init__(self, number: int = 0) -> None:
        self.number, self.calls = number, 0

    def __call__(self) -> bool:
        self.calls += 1
        return self.calls == self.number


def what_it_left(run: dsk.Run) -> tuple:
    with run.folder.joinpath("final", "model.safetensors").open("rb") as weights:
        kept = [r for r in figures(run.records) if r["event"] != "notice"]
        return kept, weights.read(), run.summary["model_tokens"], run.summary["cached_solutions"]


@pytest.fixture(scope="module", params=CASES, ids=str)
def whole(request, model, tmp_path_factory):
    spec, stop = spec_of(model, request.param), Stop()
    run = dsk.run(spec, tmp_path_factory.mktemp("whole") / "run", should_stop=stop)
    return spec, what_it_left(run), stop.calls, len(run.records)


def spread(last: int, count: int) -> list[int]:
    """`count` numbers from 1 to `last`, both included."""
    return sorted({1 + round(i * (last - 1) / (count - 1)) for i in range(count)})


def test_stopped_anywhere_it_resumes_to_the_byte(whole, tmp_path):
    spec, expected, calls, _ = whole
    for number in spread(calls, 4):
        folder = tmp_path / str(number)
        with pytest.raises(InterruptedRun):
            dsk.run(spec, folder, should_stop=Stop(number))
        assert what_it_left(dsk.run(spec, folder, resume=True)) == expected, f"stopped at call {number}"


def test_killed_at_any_record_it_resumes_to_the_byte(whole, tmp_path):
    spec, expected, _, records = whole
    for number in spread(records, 4):
        folder = tmp_path / str(number)
        with pytest.raises(Killed):
            dsk.run(spec, folder, listener=Killer(number))
        assert what_it_left(dsk.run(spec, folder, resume=True)) == expected, f"killed at record {number}"


class AtOnce:
    """Answers while it is asked."""

    def submit(self, answer, batch):
        answers = Future()
        answers.set_result(answer(batch))
        return answers

    def wait_for(self, answers):
        return answers.result()

    def close(self, finish):
        """Nothing is left."""


class AtLast(AtOnce):
    """Answers when the answer is waited for, and not before."""

    def submit(self, answer, batch):
        return SimpleNamespace(result=lambda: answer(batch), done=lambda: False, cancel=lambda: None)


@pytest.mark.parametrize("answering", [AtOnce, AtLast])
def test_verdicts_may_take_any_time(whole, tmp_path, monkeypatch, answering):
    spec, expected, _, _ = whole
    monkeypatch.setattr(questions, "Answering", answering)
    assert what_it_left(dsk.run(spec, tmp_path / "run")) == expected


def test_a_run_that_ends_by_its_hours_resumes_to_the_byte(model, tmp_path, monkeypatch):
    """With a clock that only work moves: an hour for each hundred tokens that were charged."""
    spec = small_spec(model, checkpoint_every=2, rounds={"count": 50, "steps": 2, "max_hours": 14.0})

    def hours_of_work(self):
        return {"search": 36.0 * self.state.model_tokens}

    monkeypatch.setattr(ledger.Ledger, "spent_seconds", hours_of_work)
    stop = Stop()
    run = dsk.run(spec, tmp_path / "whole", should_stop=stop)
    expected = what_it_left(run)
    assert 2 <= run.summary["steps"] < 100
    for number in spread(stop.calls, 3):
        folder = tmp_path / str(number)
        with pytest.raises(InterruptedRun):
            dsk.run(spec, folder, should_stop=Stop(number))
        assert what_it_left(dsk.run(spec, folder, resume=True)) == expected


def test_charged_tokens_depend_on_no_size_of_the_machine(model, tmp_path):
    """Not on the cache, the rows, the tokens in flight, the micro-batch or the packing; computed ones do."""
    sizes = [
        {},
        {"engine": {"kind": "transformers", "max_rows": 2, "cache_bytes": 300_000}},
        {"tokens_in_flight": 60},
        {"train": {**TRAIN, "micro_batch_tokens": 20, "optimizer": {"lr": 1e-3, "warmup_steps": 0}}},
        {"train": {**TRAIN, "packing": "dense", "optimizer": {"lr": 1e-3, "warmup_steps": 0}}},
    ]
    runs = [
        dsk.run(small_spec(model, rounds={"count": 1, "steps": 2}, **size), tmp_path / str(number))
        for number, size in enumerate(sizes)
    ]
    first = runs[0].summary
    for run in runs:
        assert [run.summary[name] for name in CHARGED] == [first[name] for name in CHARGED]
    assert len({run.summary["computed_tokens"] for run in runs}) > 1


def test_seconds_are_wall_clock_with_nothing_outside(model, tmp_path, monkeypatch):
    """Every reading of the clock is a second later than the one before: all of them are in the phases."""
    ticks = itertools.count()
    monkeypatch.setattr(ledger.time, "perf_counter", lambda: float(next(ticks)))
    run = dsk.run(small_spec(model, rounds={"count": 1, "steps": 1}), tmp_path / "run")
    last = run.records[-2]
    assert last["event"] == "evaluation"
    total = sum(run.summary["seconds"].values())
    spent = {name: seconds for name, seconds in run.summary["seconds"].items() if name != "evaluate"}
    assert total > len(run.records)
    assert abs(sum(spent.values()) - last["seconds"]) < total * 0.05
