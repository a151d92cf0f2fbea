"""What a spec allows but may not mean is one line before the run, and in its records once."""

import json
from pathlib import Path

import pytest
from small_run import save_model, small_spec

from dsk.compare.study import load_study, plan_runs
from dsk.core.errors import InterruptedRun, ModelError
from dsk.core.loading import load_spec, parse_spec
from dsk.core.rounds import run
from dsk.core.run.doubts import doubts, too_many_steps
from dsk.core.run.records import read_records

ROOT = Path(__file__).parents[2]
GOOD = {"name": "t", "model": {"path": "m"}, "task": {"kind": "arithmetic"}}


def told(**changes):
    return doubts(parse_spec(GOOD | changes))


def search(**fields):
    return {"search": {"width": 2, "max_depth": 4, "step_tokens": 8, **fields}, "max_response_tokens": 32}


def test_the_published_defaults_raise_no_doubt():
    assert told() == []


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.json")), ids=lambda path: path.stem)
def test_the_examples_raise_no_doubt(path):
    assert doubts(load_spec(path)) == []


@pytest.mark.parametrize("path", sorted((ROOT / "studies").glob("*.json")), ids=lambda path: path.stem)
def test_every_arm_of_the_studies_loads_and_its_doubts_are_of_known_kinds(path):
    found = {
        line.split(":")[0] for r in plan_runs(load_study(path), str(path), Path("runs")) for line in doubts(r.spec)
    }
    assert found <= {"mode", "search.boundary"}


def test_a_tree_that_ends_below_the_response_limit_says_what_to_raise_and_what_to_lower():
    (line,) = told(**search() | {"max_response_tokens": 100})
    assert line.startswith("search: a tree's answers end at max_depth x step_tokens = 4 x 8 = 32 tokens, below")
    assert line.endswith("raise search.max_depth to 13, or lower max_response_tokens to 32")
    assert told(**search(max_depth=13) | {"max_response_tokens": 100}) == []
    assert told(**search()) == []


@pytest.mark.parametrize("kind", ["text", "surprise"])
def test_a_boundary_that_ends_steps_early_needs_depth_to_spare(kind):
    (line,) = told(**search(boundary={"kind": kind}))
    assert line.startswith(f"search.boundary: '{kind}' ends steps early, so search.max_depth = 4 steps reach")
    assert "average 8 of 8 tokens" in line
    assert told(**search(boundary={"kind": kind}, max_depth=8)) == []


def test_direct_mode_names_the_fields_of_search_that_it_ignores():
    fields = search(trajectories=4, selector={"kind": "uct"}, record="all")
    (line,) = told(mode="direct", **fields)
    ignored = "search.width, search.max_depth, search.step_tokens, search.record, search.selector"
    assert line.startswith(f"mode: 'direct' samples whole responses and ignores {ignored}; leave them out")
    assert told(mode="direct", max_response_tokens=32, search={"trajectories": 4}) == []


def test_what_a_spec_ignores_is_the_same_after_it_was_written_down_whole():
    spec = parse_spec(GOOD | {"mode": "direct"} | search())
    assert doubts(parse_spec(json.loads(json.dumps(spec.dump())))) == doubts(spec)


@pytest.mark.parametrize(
    ("changes", "needed", "name"),
    [
        ({"screen": {"samples": 16}}, 2048 + 16 * 32, "screen.samples"),
        ({"evaluate": {"samples": 16}}, 2048 + 16 * 32, "evaluate.samples"),
        ({"mode": "direct", "search": {"trajectories": 16}}, 2048 + 16 * 32, "search.trajectories"),
        ({"search": {"width": 64, "max_depth": 4, "step_tokens": 8}}, 2048 + 24 + 64 * 8, "search.width"),
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
    deep = parse_spec(GOOD | {"search": {"max_depth": 3, "boundary": {"kind": "text"}}})
    answers = ["a\nb\nc\nd\ne"] * 6 + ["a\nb"] * 4
    told = too_many_steps(deep, answers)
    assert told is not None
    assert told.startswith("search.max_depth: 6 of 10 finished answers of the screening have more than 3 steps")
    assert "raise it to 5" in told
    assert too_many_steps(deep, ["a\nb\nc\nd\ne"] * 5 + ["a\nb\n"] * 5) is None
