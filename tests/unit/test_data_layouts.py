"""The table of data layouts reads each of them, and the mistake that a newcomer makes first with each is one line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from published_rows import HUB, SUMS, write_files, write_hub, write_saved

from dsk.components.tasks.choices import Options, options_of
from dsk.components.tasks.columns import RowFaultError
from dsk.components.tasks.jsonl import Jsonl
from dsk.core.errors import DataError, SpecError
from dsk.core.loading import parse_spec
from dsk.core.run.references import unjudgeable

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "recipes" / "data_layouts.md").read_text(encoding="utf-8")
LINES = dict(re.findall(r"^\| (.*?) \| .*? \| `(\{.*\})` \|$", PAGE, re.MULTILINE))
FOUND = {
    name: (asked, answer) for name, asked, answer in re.findall(r"^\| (.*?) \| (.+) \| (\S+) \|$", PAGE, re.MULTILINE)
}
MISTAKES = re.findall(
    r"^\| .*? \| `(\{.*\})` \| `(.*)` \|$", (DOCS / "mistakes.md").read_text(encoding="utf-8"), re.MULTILINE
)
LIBRARY = ("huggingface", "reasoning_gym")


def loaded(task: dict[str, Any], verifier: str = "math") -> Any:
    return parse_spec({"name": "t", "model": {"path": "m"}, "task": task, "verifier": {"kind": verifier}})


def marked(lines: dict[str, str]) -> list[Any]:
    """Layouts that need a library which is slow to import are checked with the full suite."""
    slow = {name for name, line in lines.items() if json.loads(line)["kind"] in LIBRARY}
    return [pytest.param(name, marks=[pytest.mark.full] if name in slow else []) for name in lines]


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A working folder with a file or folder of each layout."""
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    return tmp_path


def prepare(here: Path, task: dict[str, Any], monkeypatch) -> None:
    if task["kind"] == "huggingface":
        pytest.importorskip("datasets")
        monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", here / "cache")
        if task["path"] in HUB:
            write_hub(here, task["path"])
        elif "saved" in task["path"]:
            write_saved(here)
    elif task["kind"] == "reasoning_gym":
        pytest.importorskip("reasoning_gym")


def asked(prompt: Any) -> str:
    return prompt if isinstance(prompt, str) else prompt[-1]["content"]


@pytest.mark.parametrize("name", marked(LINES))
def test_the_line_of_the_table_reads_the_layout_as_the_page_says(name, here, monkeypatch):
    task = json.loads(LINES[name])
    prepare(here, task, monkeypatch)
    spec = loaded(task, "countdown" if name == "Countdown" else "math")
    problems = list(spec.task.problems("train"))
    question, answer = FOUND[name]
    assert " / ".join(asked(problems[0].prompt).split("\n")).startswith(question.removesuffix("..."))
    assert problems[0].answer == answer
    assert unjudgeable(spec, "train", problems) is None
    if task["kind"] != "reasoning_gym":
        assert len({p.id for p in problems}) == len(problems) >= 3


def refuse(task, verifier):
    """Raise what is wrong with a task, as `dsk validate` finds it."""
    spec = loaded(task, verifier)
    problems, faults = spec.task.survey("train")
    found = faults or unjudgeable(spec, "train", problems)
    raise DataError(found[0] if found else "no mistake")


@pytest.mark.parametrize(
    ("line", "told"),
    [pytest.param(*m, marks=[pytest.mark.full] if json.loads(m[0])["kind"] in LIBRARY else []) for m in MISTAKES],
)
def test_a_newcomers_first_mistake_is_the_line_on_the_page(line, told, here, monkeypatch):
    task = json.loads(line)
    prepare(here, task, monkeypatch)
    (here / "semicolons.csv").write_text("problem;answer\n1+1;2\n")
    (here / "array.json").write_text(json.dumps(SUMS))
    for name, column in (("gsm8k", "openai/gsm8k"), ("math", "EleutherAI/hendrycks_math"), ("mmlu", "cais/mmlu"),
                         ("deepmath", "zwhe99/DeepMath-103K"), ("aime", "Maxwell-Jia/AIME_2024"),
                         ("countdown", "Jiayi-Pan/Countdown-Tasks-3to4")):  # fmt: skip
        (here / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in HUB[column][2]))
    with pytest.raises((DataError, SpecError)) as caught:
        refuse(task, "countdown" if "countdown" in line else "math")
    message = str(caught.value)
    assert caught.value.exit_code == 2
    assert "\n" not in message
    assert told in message


ANSWERS = [("B", 1), ("(b)", 1), ("B.", 1), ("12", 1), ("2", 2), (2, 2), ("red herring", None), ("E", None)]


@pytest.mark.parametrize(("answer", "place"), ANSWERS)
def test_the_right_option_is_found_by_letter_text_or_place(answer, place):
    options = Options(("x", "12", "y", "z"), tuple("ABCD"))
    if place is None:
        with pytest.raises(RowFaultError, match="not one of the options A to D"):
            options.letter(answer, "answer")
    else:
        assert options.letter(answer, "answer") == "ABCD"[place]


def test_an_answer_that_is_a_text_and_another_place_is_refused_and_not_guessed():
    with pytest.raises(RowFaultError, match="text of one option and the place of another"):
        Options(("1", "2", "3"), tuple("ABC")).letter("1", "answer")


def test_labels_that_options_begin_with_are_not_repeated():
    options = options_of({"options": ["A)21", "B)22", "C)23"]}, ("options",))
    assert options.below("How many?") == "How many?\nA. 21\nB. 22\nC. 23"


def test_options_in_braces_of_a_box_are_text_of_a_template(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"nums": [1, 2], "answer": "3"}\n')
    task = Jsonl(train=(str(tmp_path / "a.jsonl"),), template="Add {nums}; write \\boxed{answer}.")
    (problem,) = task.problems("train")
    assert problem.prompt == "Add [1, 2]; write \\boxed{answer}."


def test_a_template_and_choices_change_the_identity_and_their_absence_does_not(here):
    plain = Jsonl(train=("sums.jsonl",))
    assert plain.identity != plain.model_copy(update={"template": "{problem}!"}).identity
    assert plain.identity != plain.model_copy(update={"choices": ("a", "b")}).identity
    assert plain.reading() == (None, None, None)
