"""A run's page: it stands alone, says what the records say, and shows hostile text as text."""

import json
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from small_run import save_model, small_spec

import dsk
from dsk.core.errors import InterruptedRun, RunFolderError
from dsk.core.run.records import write_packed
from dsk.core.run.stored_groups import read_groups, step_file, write_groups
from dsk.report import write_report
from dsk.report.examples import TEXT, shortened

VOID = {"meta", "link", "br", "img", "input"}


class Page(HTMLParser):
    """Tags, and the data that the page draws; fails on a tag that is closed but not open."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
            self.texts.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.texts:
            self.texts[-1] += data

    @property
    def data(self) -> dict[str, Any]:
        opened = [(tag, attrs) for tag, attrs in self.tags if tag not in VOID]
        [place] = [i for i, (tag, attrs) in enumerate(opened) if tag == "script" and attrs.get("id") == "data"]
        return json.loads(self.texts[place])


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    model = save_model(tmp_path_factory.mktemp("model"))
    return dsk.run(small_spec(model), tmp_path_factory.mktemp("runs") / "whole")


@pytest.fixture
def copied(finished, tmp_path):
    """The run without its groups, for a test to write others."""
    folder = tmp_path / "copy"
    folder.mkdir()
    for file in ("spec.json", "events.jsonl"):
        (folder / file).write_bytes((finished.folder / file).read_bytes())
    return folder


def data_of(folder, out=None) -> dict[str, Any]:
    return Page(write_report(folder, out).read_text()).data


def test_the_page_says_what_the_summary_says(finished):
    data = data_of(finished.folder)
    assert data["page"] == "report"
    assert data["first"]["pass_at_1"] == finished.summary["before"]["pass_at_1"]
    assert data["last"]["pass_at_1"] == finished.summary["after"]["pass_at_1"]
    assert data["status"] == "finished"
    paths = {path for path, *_ in data["parts"]}
    assert {"rollout.selector", "train.loss", "verifier"} <= paths


def test_the_curves_are_the_records(finished):
    data = data_of(finished.folder)
    steps = [record for record in finished.records if record["event"] == "step"]
    for name in ("group_reward", "trajectory_entropy", "model_tokens", "update_grad_norm"):
        assert data["steps"]["columns"][name] == pytest.approx([step.get(name) for step in steps], rel=1e-6)
    assert sum(map(sum, data["steps"]["tokens"].values())) == steps[-1]["model_tokens"]
    assert data["evaluations"]["when"] == ["before", "after"]
    assert data["rounds"][0]["hard"] == finished.summary["rounds"][0]["hard"]


def test_the_seconds_of_the_bars_are_the_seconds_of_the_records(finished):
    data = data_of(finished.folder)
    last = [record for record in finished.records if record["event"] == "step"][-1]["phase_seconds"]
    assert sum(map(sum, data["steps"]["seconds"].values())) == pytest.approx(sum(last.values()), abs=0.1)


def test_a_step_records_what_became_of_each_of_its_problems(finished):
    groups = [record for record in finished.records if record["event"] == "groups"]
    steps = [record for record in finished.records if record["event"] == "step"]
    assert [record["step"] for record in groups] == [step["step"] for step in steps]
    for record, step in zip(groups, steps, strict=True):
        assert len(record["problems"]) == step["problems"]
        assert sum(count > 0 for count in record["correct"]) == step["solved"]
        assert sum(record["responses"]) == step["trajectories"]
        assert record["origins"].count("cached") == step["replayed"]


def test_every_problem_has_a_history(finished):
    data = data_of(finished.folder)
    assert data["trained_problems"]["of"] == 8
    assert data["held_out_problems"]["of"] == 4
    trained = [row for row in data["trained_problems"]["rows"] if row["trained"]]
    assert trained
    assert all(row["prompt"] == f"{row['id']}=" for row in trained)


def test_a_thousand_steps_stay_light(copied, tmp_path):
    events = copied / "events.jsonl"
    records = [json.loads(line) for line in events.read_text().splitlines()]
    step, groups = (next(r for r in records if r["event"] == name) for name in ("step", "groups"))
    groups |= {name: groups[name] * 32 for name in ("problems", "origins", "correct", "responses")}
    run = [dict(record, step=i + 1) for i in range(1000) for record in (groups, step)]
    events.write_text("".join(json.dumps(dict(r, seq=i)) + "\n" for i, r in enumerate(run)))
    page = write_report(copied, tmp_path / "page.html")
    data = Page(page.read_text()).data
    assert page.stat().st_size < 2e6
    assert data["steps"]["merged"] == 2
    assert data["steps"]["columns"]["step"][-1] == 1000


def test_the_page_needs_nothing_from_elsewhere(finished):
    source = write_report(finished.folder).read_text()
    outside = [v for _, attrs in Page(source).tags for n, v in attrs.items() if n in ("src", "href")]
    assert outside == []
    assert len(source) < 3e6


def test_text_of_a_problem_is_text(finished, copied, tmp_path):
    """A model writes what it likes; none of it may become markup."""
    [first, *_] = sorted((finished.folder / "trees").glob("[0-9]*.jsonl.zst"))
    hostile = "</script><script>alert(1)</script><!--\u2028\u202e"
    groups = [replace(g, problem=replace(g.problem, prompt=hostile)) for g in read_groups(first)]
    write_groups(copied / "trees" / first.name, groups)
    page = Page(write_report(copied, tmp_path / "page.html").read_text())
    assert page.data["examples"][0]["problem"] == hostile
    assert [tag for tag, _ in page.tags].count("script") == 2


def test_a_filtered_response_is_shown_with_its_reason(finished, copied):
    text = "again " * TEXT
    rows = [{"problem": f"p{i}", "reason": "looping" if i else "garbled", "text": text} for i in range(20)]
    write_packed(step_file(copied, 0, ".filtered"), rows)
    events = copied / "events.jsonl"
    count = len(events.read_bytes().splitlines())
    told = {"event": "filtered", "seq": count, "time": 0.0, "step": 0, "samples": 20, "reasons": {"looping": 19}}
    events.write_text(events.read_text() + json.dumps(told) + "\n")
    filtered = data_of(copied)["filtered"]
    assert filtered["reasons"] == {"looping": 19}
    assert [one["reason"] for one in filtered["examples"][:2]] == ["garbled", "looping"]
    assert all(len(one["text"]) < TEXT + 50 for one in filtered["examples"])


def test_a_long_text_is_cut_and_says_how_much_is_gone():
    assert shortened("x" * 1_000_000, 10) == "x" * 10 + " … (999,990 more characters)"
    assert shortened("short") == "short"


def test_an_unfinished_run_has_a_page(finished, tmp_path):
    spec = small_spec(json.loads((finished.folder / "spec.json").read_text())["model"]["path"])
    with pytest.raises(InterruptedRun):
        dsk.run(spec, tmp_path / "cut", should_stop=lambda: (tmp_path / "cut" / "events.jsonl").exists())
    data = data_of(tmp_path / "cut")
    assert data["status"] == "interrupted"
    assert data["steps"]["columns"] == {}


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(RunFolderError, match="holds no run; name a run's folder"):
        write_report(tmp_path)
