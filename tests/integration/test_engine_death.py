"""An engine that dies in the middle of a run: once is survived, twice fails the run, which then resumes."""

import json

import pytest
from small_run import figures, same, save_model, small_spec

import dsk
from dsk.components.engines.decoding.engine_session import DecodingSession
from dsk.core.errors import EngineError


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def whole(model, tmp_path_factory):
    """A run whose engine lives."""
    return dsk.run(small_spec(model), tmp_path_factory.mktemp("runs") / "whole")


def dying(monkeypatch, polls):
    """Let the engine die at these polls, counted over the run."""
    original, calls = DecodingSession.poll, iter(range(10**6))

    def poll(self):
        if next(calls) in polls:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        return original(self)

    monkeypatch.setattr(DecodingSession, "poll", poll)


def test_a_run_whose_engine_dies_once_ends_with_the_same_figures(whole, model, tmp_path, monkeypatch):
    dying(monkeypatch, {9})
    survived = dsk.run(small_spec(model), tmp_path / "survived")
    told = [record["text"] for record in survived.records if record["event"] == "notice"]
    assert len(told) == 1
    assert "the engine died (RuntimeError: CUDA error" in told[0]
    kept = [record for record in figures(survived.records) if record["event"] != "notice"]
    assert same(kept, figures(whole.records))


def test_a_run_whose_engine_dies_twice_fails_and_resumes_to_the_same_figures(whole, model, tmp_path, monkeypatch):
    folder = tmp_path / "failed"
    dying(monkeypatch, {14, 15})
    with pytest.raises(EngineError, match=r"died twice on request .* continue with --resume"):
        dsk.run(small_spec(model), folder)
    assert json.loads((folder / "status.json").read_text())["status"] == "failed"
    monkeypatch.undo()
    resumed = dsk.run(small_spec(model), folder, resume=True)
    kept = [record for record in figures(resumed.records) if record["event"] != "notice"]
    assert same(kept, figures(whole.records))


def test_a_runs_records_say_where_tokens_and_time_went(whole):
    """Point by point: decoded, from the cache, encoded, encoded again, occupancy, seconds in model and scheduler."""
    engine = whole.records[-1].get("engine") or next(r["engine"] for r in reversed(whole.records) if "engine" in r)
    for name in ("decoded_tokens", "cached_tokens", "encoded_tokens", "model_seconds", "scheduler_seconds"):
        assert engine[name] > 0
    assert engine["reencoded_tokens"] <= engine["encoded_tokens"]
    assert 0 < engine["occupancy"] <= 1
