"""A run's page: it stands alone, says what the records say, and shows hostile text as text."""

import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from small_run import save_model, small_spec

import dsk
from dsk.core.errors import InterruptedRun, RunFolderError
from dsk.core.run.stored_groups import read_groups, write_groups
from dsk.report import write_report

VOID = {"meta", "link", "br", "img", "input"}


class Page(HTMLParser):
    """Text and tags; fails on a tag that is closed but not open."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    model = save_model(tmp_path_factory.mktemp("model"))
    return dsk.run(small_spec(model), tmp_path_factory.mktemp("runs") / "whole")


def test_the_page_says_what_the_summary_says(finished):
    page = Page(write_report(finished.folder).read_text())
    assert page.open == []
    before, after = (finished.summary[when]["pass_at_1"] for when in ("before", "after"))
    assert f"{before:.1%}" in page.text
    assert f"{after:.1%}" in page.text
    assert "finished" in page.text
    assert all(role in page.text for role in ("selector", "loss", "verifier"))


def test_the_page_needs_nothing_from_elsewhere(finished):
    page = Page(write_report(finished.folder).read_text())
    outside = [v for _, attrs in page.tags for n, v in attrs.items() if n in ("src", "href") and not v.startswith("#")]
    assert outside == []
    assert "script" not in {tag for tag, _ in page.tags}
    assert "svg" in {tag for tag, _ in page.tags}


def test_text_of_a_problem_is_text(finished, tmp_path):
    """A model writes what it likes; none of it may become markup."""
    folder = tmp_path / "copy"
    for file in ("spec.json", "events.jsonl"):
        folder.mkdir(exist_ok=True)
        (folder / file).write_bytes((finished.folder / file).read_bytes())
    [first, *_] = sorted((finished.folder / "trees").glob("[0-9]*.jsonl.zst"))
    hostile = "<script>alert(1)</script>"
    groups = [replace(g, problem=replace(g.problem, prompt=hostile)) for g in read_groups(first)]
    write_groups(folder / "trees" / first.name, groups)
    page = Page(write_report(folder, tmp_path / "page.html").read_text())
    assert hostile in page.text
    assert "script" not in {tag for tag, _ in page.tags}


def test_an_unfinished_run_has_a_page(finished, tmp_path):
    spec = small_spec(json.loads((finished.folder / "spec.json").read_text())["model"]["path"])
    with pytest.raises(InterruptedRun):
        dsk.run(spec, tmp_path / "cut", should_stop=lambda: (tmp_path / "cut" / "events.jsonl").exists())
    assert "interrupted" in Page(write_report(tmp_path / "cut").read_text()).text


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(RunFolderError, match="holds no run; name a run's folder"):
        write_report(tmp_path)
