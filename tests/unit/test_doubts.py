"""What a spec allows but may not mean is one line before the run, and in its records once."""

import json
from pathlib import Path

import pytest
from small_run import save_model, small_spec

from dsk.compare.planning import plan_runs
from dsk.compare.study import load_study
from dsk.core.errors import InterruptedRun, ModelError
from dsk.core.loading import load_spec, parse_spec
from dsk.core.rounds import run
from dsk.core.run.doubts import doubts
from dsk.core.run.records import read_records

ROOT = Path(__file__).parents[2]
GOOD = {"name": "t", "model": {"path": "m"}, "task": {"kind": "arithmetic"}}


def told(**changes):
    return doubts(parse_spec(GOOD | changes))


def search(**fields):
    return {"rollout": {"width": 2, "max_depth": 4, "step_tokens": 8, **fields}, "max_response_tokens": 32}


def test_the_published_defaults_raise_no_doubt():
    assert told() == []


@pytest.mark.parametrize(
    ("changes", "rollout", "field"),
    [
        ({"keep": "trees"}, "adaptive", "keep"),
        ({"screen": {"reuse": True}}, "tree", "screen.reuse"),
        ({"train": {"allocate": "signal"}}, "adaptive", "train.allocate"),
    ],
)
def test_a_field_that_the_rollout_does_not_use_is_said(changes, rollout, field):
    assert [line.split(":")[0] for line in told(rollout={"kind": rollout}, replay=None, **changes)][:1] == [field]
    assert not any(line.startswith("keep") for line in told(keep="trees"))


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.json")), ids=lambda path: path.stem)
def test_the_examples_raise_no_doubt(path):
    assert doubts(load_spec(path)) == []


@pytest.mark.parametrize("path", sorted((ROOT / "studies").glob("*.json")), ids=lambda path: path.stem)
def test_every_arm_of_the_studies_loads_and_its_doubts_are_of_known_kinds(path):
    found = {
        line.split(":")[0] for r in plan_runs(load_study(path), str(path), Path("runs")) for line in doubts(r.spec)
    }
    assert found <= {"rollout.boundary"}


def test_a_tree_that_ends_below_the_response_limit_says_what_to_raise_and_what_to_lower():
    (line,) = told(**search() | {"max_response_tokens": 100})
    assert line.startswith("rollout: a tree's answers end at max_depth x step_tokens = 4 x 8 = 32 tokens, below")
    assert line.endswith("raise max_depth to 13, or lower max_response_tokens to 32")
    assert told(**search(max_depth=13) | {"max_response_tokens": 100}) == []
    assert told(**search()) == []


@pytest.mark.parametrize("kind", ["text", "surprise"])
def test_a_boundary_that_ends_steps_early_needs_depth_to_spare(kind):
    (line,) = told(**search(boundary={"kind": kind}))
    assert line.startswith(f"rollout.boundary: '{kind}' ends steps early, so max_depth = 4 steps reach")
    assert "average 8 of 8 tokens" in line
    assert told(**search(boundary={"kind": kind}, max_depth=8)) == []


def test_a_doubt_says_where_the_tree_is_that_it_is_about():
    tree = search()["rollout"]
    (line,) = told(
        rollout={"kind": "prefix", "rollout": {"kind": "tree", **tree}}, replay=None, max_response_tokens=100
    )
    assert line.startswith("rollout.rollout: a tree's answers end at")
    first, second = told(rollout=tree, replay={"kind": "tree", **tree}, max_response_tokens=100)
    assert (first.partition(":")[2], second.split(":")[0]) == (second.partition(":")[2], "replay")


@pytest.mark.parametrize(
    ("changes", "needed", "name"),
    [
        ({"screen": {"samples": 16}}, 2048 + 16 * 32, "screen.samples x max_response_tokens"),
        ({"evaluate": {"samples": 16}}, 2048 + 16 * 32, "evaluate.samples x max_response_tokens"),
        ({"rollout": {"kind": "direct", "samples": 16}}, 2048 + 16 * 32, "rollout: samples x max_response_tokens"),
        ({"replay": {"samples": 17}}, 2048 + 16 * 32, "replay: (samples - 1) x max_response_tokens"),
        (search(width=64), 2048 + 24 + 64 * 8, "rollout: a path of the tree with width x step_tokens"),
        (
            {"rollout": {"kind": "prefix", "rollout": {"samples": 16}}, "replay": None},
            2048 + 16 * 32,
            "rollout: rollout: samples",
        ),
    ],
)
def test_a_bound_below_the_largest_request_says_what_it_would_need(changes, needed, name):
    spec = {"max_response_tokens": 32, **search(), **changes}
    (line,) = told(**spec, tokens_in_flight=needed - 1)
    assert line.startswith(f"tokens_in_flight: {needed - 1} is less than one request may hold ({needed} tokens")
    assert name in line
    assert line.endswith(f"raise it to {needed}")
    assert told(**spec, tokens_in_flight=needed) == []


def test_a_doubt_is_one_notice_in_the_records_also_after_a_resume(tmp_path):
    spec = small_spec(save_model(tmp_path / "model"), max_response_tokens=24)
    asked = iter([False] * 12)
    with pytest.raises(InterruptedRun):
        run(spec, tmp_path / "run", should_stop=lambda: next(asked, True))
    run(spec, tmp_path / "run", resume=True)
    notices = [record["text"] for record in read_records(tmp_path / "run") if record["event"] == "notice"]
    assert notices == doubts(spec)
    assert len(notices) == 1


def test_a_tokenizer_without_an_end_of_sequence_token_is_refused_before_the_run(tmp_path):
    model = save_model(tmp_path / "model")
    settings = json.loads((model / "tokenizer_config.json").read_text())
    settings.pop("eos_token")
    (model / "tokenizer_config.json").write_text(json.dumps(settings))
    (model / "special_tokens_map.json").unlink(missing_ok=True)
    with pytest.raises(ModelError, match="names no end-of-sequence token, so no response could end; set eos_token"):
        run(small_spec(model), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_depth_that_most_answers_cannot_fit_is_said_with_the_depth_that_would_do():
    deep = parse_spec(GOOD | {"rollout": {"max_depth": 3, "boundary": {"kind": "text"}}}).rollout
    told = deep.doubts_about(["a\nb\nc\nd\ne"] * 6 + ["a\nb"] * 4)
    assert told is not None
    assert told.startswith(".max_depth: 6 of 10 finished answers of the screening have more than 3 steps")
    assert "raise it to 5" in told
    assert deep.doubts_about(["a\nb\nc\nd\ne"] * 5 + ["a\nb\n"] * 5) is None
    assert parse_spec(GOOD | {"rollout": "direct"}).rollout.doubts_about(["a\nb\nc\nd\ne"]) is None


def test_an_age_of_solutions_that_nothing_replays_is_told():
    assert told(replay=None, replay_age=2) == [
        "replay_age: no rollout starts from cached solutions; it acts with 'cached' and 'prefix'"
    ]
    assert told(replay_age=2) == []


@pytest.mark.parametrize(("inside", "told_of"), [("solutions", True), ("both", False), ("failures", False)])
def test_prefixes_of_solutions_out_of_reach_are_told_and_those_of_failures_are_not(inside, told_of):
    lines = told(rollout={"kind": "prefix", "inside": inside, "rollout": {"kind": "direct"}})
    assert any(line.startswith("rollout: 'prefix' starts from cached solutions") for line in lines) == told_of
