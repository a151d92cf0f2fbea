"""`dsk cache`: what went in comes out, and wrong stores are one line."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from dsk.cli.cache import cache_app
from dsk.components.caches.sqlite import Sqlite
from dsk.components.caches.stores.exchange import CacheWarning
from dsk.core.errors import CacheError, DskError
from dsk.testing.cache import HOSTILE, OWNER, solution

SOLUTIONS = [
    solution("p", (1,), run="a", step=1),
    solution("p", (2,), run="a", step=2),
    solution("p", (3,), run="b", step=9),
    solution("q", (4, 5), run="b", step=3),
]


@pytest.fixture
def store(tmp_path) -> str:
    with Sqlite(path=str(tmp_path / "one.sqlite")).open("", *OWNER) as cache:
        cache.put(SOLUTIONS)
    return str(tmp_path / "one.sqlite")


def call(*words: object) -> str:
    """What the command prints."""
    result = CliRunner().invoke(cache_app, list(map(str, words)), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def left(store: str) -> list[tuple[int, ...]]:
    with Sqlite(path=store).open("", *OWNER) as cache:
        return [entry.tokens for entry in cache.entries()]


def test_stats_counts_what_each_run_gave(store):
    found = json.loads(call("stats", store, "--json"))
    assert (found["task"], found["verifier"], found["problems"], found["solutions"]) == (*OWNER, 2, 4)
    assert found["runs"][1] == {
        "run": "b", "problems": 2, "solutions": 2, "tokens": 3, "rounds": [0, 0], "steps": [3, 9], "versions": [3, 9],
    }  # fmt: skip
    assert "4 solutions of 2 problems" in call("stats", store)


def test_an_export_imported_elsewhere_is_the_same_cache(store, tmp_path):
    with Sqlite(path=store).open("", *OWNER) as cache:
        cache.put([solution(HOSTILE.replace("\ud800", ""), (7,))])
        before = list(cache.entries())
    call("export", store, tmp_path / "all.jsonl")
    other = tmp_path / "other.sqlite"
    assert "5 solutions, 5 of them new" in call("import", other, tmp_path / "all.jsonl")
    assert "5 solutions, 0 of them new" in call("import", other, tmp_path / "all.jsonl")
    with Sqlite(path=str(other)).open("", *OWNER) as cache:
        assert list(cache.entries()) == before


def test_an_export_can_be_one_runs_and_go_to_standard_output(store):
    lines = [json.loads(line) for line in call("export", store, "-", "--run", "b").splitlines() if line.startswith("{")]
    assert lines[0]["task"] == OWNER[0]
    assert [line["tokens"] for line in lines[1:]] == [[3], [4, 5]]


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        (["--run", "a"], [(3,), (4, 5)]),
        (["--keep", "1"], [(3,), (4, 5)]),
        (["--keep", "2", "--run", "b"], [(1,), (2,)]),
        (["--before-round", "1"], []),
        (["--before-round", "1", "--dry-run"], [s.tokens for s in SOLUTIONS]),
    ],
)
def test_prune_discards_what_is_asked_and_nothing_else(store, options, kept):
    output = call("prune", store, *options)
    assert left(store) == kept
    assert f"{4 if '--dry-run' in options else 4 - len(kept)} solutions" in output


def test_prune_verify_discards_what_the_runs_verifier_rejects(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (tmp_path / "t.jsonl").write_text(
        '{"problem": "1+0?", "answer": "1", "n": "p"}\n{"problem": "?", "answer": "2", "n": "q"}\n'
    )
    task = {"kind": "jsonl", "train": str(tmp_path / "t.jsonl"), "id": "n"}
    spec = {"name": "run", "model": {"path": "m"}, "task": task, "verifier": {"kind": "boxed"}}
    (run / "spec.json").write_text(json.dumps(spec))
    with Sqlite().open(str(run), *OWNER) as cache:
        cache.put([solution("p"), solution("q"), solution("of another file")])
    assert "1 solutions discarded, 2 in the cache" in call("prune", run, "--verify")
    with Sqlite().open(str(run), *OWNER) as cache:
        assert [entry.problem_id for entry in cache.entries()] == ["p", "of another file"]


def test_a_torn_last_line_is_left_out_and_said(store, tmp_path):
    call("export", store, tmp_path / "all.jsonl")
    torn = tmp_path / "torn.jsonl"
    torn.write_bytes((tmp_path / "all.jsonl").read_bytes()[:-20])
    with pytest.warns(CacheWarning, match=r"torn\.jsonl:5: the last line was cut short"):
        assert "3 solutions, 3 of them new" in call("import", tmp_path / "new.sqlite", torn)


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["stats", "nowhere"], r"nowhere: no cache there; give a run's folder"),
        (["stats", "{tmp}/new.sqlite"], r"no solution cache there yet"),
        (["stats", "{tmp}/text"], r"text: not a solution cache"),
        (["import", "{store}", "{tmp}/text"], r"text:1: not an exported solution cache"),
        (["import", "{store}", "{tmp}/bad"], r"bad:2: not a cache entry"),
        (["import", "{store}", "{tmp}/other"], r"other: holds solutions of .*task-b.*those of .*task-a"),
        (["import", "{store}", "{tmp}/none"], r"none: cannot be read"),
        (["export", "{store}", "{tmp}/no/folder"], r"cannot be written"),
        (["prune", "{store}"], r"nothing to prune: give --run"),
        (["prune", "{store}", "--verify"], r"--verify needs the task and verifier"),
    ],
)
def test_a_wrong_store_or_file_is_one_line(store, tmp_path, words, fault):
    head = '{"dsk_cache": 1, "task": "%s", "verifier": "{\\"kind\\": \\"math\\"}"}\n'
    (tmp_path / "text").write_text("hello " * 100)
    (tmp_path / "bad").write_text(head % "task-a" + '{"tokens": 3}\n')
    (tmp_path / "other").write_text(head % "task-b")
    with pytest.raises(CacheError, match=fault) as caught:
        call(*(word.format(tmp=tmp_path, store=store) for word in words))
    assert isinstance(caught.value, DskError)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
    assert left(store) == [s.tokens for s in SOLUTIONS]
