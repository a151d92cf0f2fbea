"""`dsk data`: what a run would make of its data, prompts rendered, lengths against the limits, and what is bad."""

from __future__ import annotations

import json

import pytest
from small_run import save_model
from typer.testing import CliRunner

from dsk.cli.app import app
from dsk.core.errors import SpecError
from dsk.core.loading import parse_spec
from dsk.core.run.data_survey import survey_data
from dsk.core.spec.model import PromptSpec


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_model(tmp_path / "model")
    return tmp_path


def spec(here, rows, **fields):
    (here / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    task = {"kind": "jsonl", "train": "train.jsonl", **fields.pop("task", {})}
    raw = {"name": "t", "model": {"path": str(here / "model")}, "task": task, "max_response_tokens": 8, **fields}
    (here / "spec.json").write_text(json.dumps(raw))
    return parse_spec(raw)


def sums(count, pad=0):
    return [{"problem": f"{n}+{n}=" + "1" * pad * n, "answer": str(2 * n)} for n in range(1, count + 1)]


def bad(found):
    return [(each.count, each.stops, each.what) for split in found for each in split.bad]


def test_prompts_are_shown_as_the_model_gets_them_from_the_shortest_to_the_longest(here):
    (train, test) = survey_data(spec(here, sums(9, pad=2), prompt={"template": "<< {problem} >>"}), show=3)
    assert [shown.answer for shown in train.shown] == ["2", "10", "18"]
    assert train.shown[0].prompt == "<< 1+1=11 >>"
    assert [shown.tokens for shown in train.shown] == sorted(shown.tokens for shown in train.shown)
    assert (train.problems, test.problems) == (9, 0)
    assert train.lengths[0].percentiles[0] == train.shown[0].tokens
    assert train.lengths[0].percentiles[-1] == train.shown[-1].tokens


def test_what_is_bad_is_counted_with_an_example(here):
    rows = [*sums(4), sums(1)[0], {"problem": "x", "answer": None}, {"problem": "y", "answer": None}]
    found = bad(survey_data(spec(here, rows, prompt={"max_tokens": 3}, task={"test": "train.jsonl"})))
    assert any(c == 2 and stops and "train.jsonl:6: 'answer' is null" in text for c, stops, text in found)
    assert any(c == 1 and not stops and "repeat an earlier problem" in text for c, stops, text in found)
    assert any(c == 4 and stops and "prompts over prompt.max_tokens = 3" in text for c, stops, text in found)
    assert any(c == 4 and not stops and "training problems too" in text for c, stops, text in found)


def test_skipped_rows_are_counted_too_and_do_not_stop_the_run(here):
    rows = [*sums(2), {"problem": "x", "answer": None}]
    ((count, stops, _),) = bad(survey_data(spec(here, rows, task={"on_bad_row": "skip"})))
    assert (count, stops) == (1, False)


@pytest.mark.parametrize(("rows", "code"), [(sums(3), 0), ([{"question": "1+1", "answer": "2"}] * 3, 2)])
def test_the_command_exits_as_a_run_would(here, rows, code):
    spec(here, rows)
    done = CliRunner().invoke(app, ["data", "spec.json"])
    assert done.exit_code == code
    assert ("Bad: nothing" in done.output) == (code == 0)
    assert done.output.count("set task.problem to 'question'") == (code == 2)
    as_json = CliRunner().invoke(app, ["data", "spec.json", "--json"])
    assert sorted(json.loads(as_json.output)) == ["test", "train"]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"template": "Question:"}, "template has {problem} 0 times in it; write it once"),
        ({"template": "{problem}", "suffix": "!"}, "give template, or prefix and suffix, not both"),
    ],
)
def test_a_template_that_cannot_be_meant_is_one_line(here, fields, told):
    with pytest.raises(SpecError) as caught:
        spec(here, sums(1), prompt=fields)
    assert told in str(caught.value)


def test_a_template_leaves_every_other_brace_alone():
    assert PromptSpec(template="{problem} \\boxed{}").around("{x}") == "{x} \\boxed{}"
