"""References that no verifier can judge by are found before anything is sampled, and the recipe for them works."""

import json
import re
from pathlib import Path

import pytest
from pydantic import ValidationError
from small_run import save_model, small_spec

from dsk.components.tasks.answers import AnswerFrom
from dsk.components.tasks.jsonl import Jsonl
from dsk.core.errors import DataError
from dsk.core.loading import load_spec, parse_spec
from dsk.core.rounds import run
from dsk.core.run.records import read_records
from dsk.core.run.references import ReferenceNotice, check_references
from dsk.core.types import Problem

PAGE = Path(__file__).parents[2] / "docs" / "recipes" / "own_problems.md"
FILES = re.compile(r'^```json title="(gsm8k[\w.]*)"\n(.*?)^```$', re.DOTALL | re.MULTILINE)
SOLUTION = "Natalia sold 48/2 = <<48/2=24>>24 clips in May.\nAltogether <<48+24=72>>72 clips.\n#### 72"
VERIFIERS = ["math", "numeric", "boxed"]


def spec(verifier="math", **fields):
    task = {"kind": "jsonl", "train": "train.jsonl"}
    return parse_spec({"name": "t", "model": {"path": "m"}, "task": task, "verifier": {"kind": verifier}, **fields})


def problems(answers):
    return [Problem(str(number), "q", answer) for number, answer in enumerate(answers)]


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    """The page's GSM8K files, as written, in the working folder."""
    monkeypatch.chdir(tmp_path)
    files = dict(FILES.findall(PAGE.read_text(encoding="utf-8")))
    assert sorted(files) == ["gsm8k.json", "gsm8k_test.jsonl", "gsm8k_train.jsonl"]
    for name, text in files.items():
        Path(name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("verifier", ["math", "numeric"])
def test_the_gsm8k_recipe_trains_on_the_answers_of_train_and_test(recipe, verifier):
    loaded = load_spec("gsm8k.json", [f"verifier.kind={verifier}"])
    assert [p.answer for p in loaded.task.problems("train")] == ["70", "52", "53", "26"]
    assert [p.answer for p in loaded.task.problems("test")] == ["73", "76"]
    finished = run(loaded, recipe / "run")
    rates = [r["mean_rate"] for r in finished.records if r["event"] == "screened"]
    assert rates[0] > 0, "no answer was ever judged right"
    assert finished.summary["before"]["problems"] > 0


@pytest.mark.parametrize("verifier", VERIFIERS)
@pytest.mark.parametrize("split", ["train", "test"])
def test_gsm8k_without_the_field_stops_before_sampling_and_names_it(recipe, verifier, split):
    changes = ["task.answer_from=null"] if split == "train" else ["task.train=plain.jsonl", "task.answer_from=null"]
    rows = [{"question": f"{n}+1", "answer": str(n + 1)} for n in range(4)]
    Path("plain.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(DataError) as caught:
        run(load_spec("gsm8k.json", [f"verifier.kind={verifier}", *changes]), recipe / "run")
    message = str(caught.value)
    count = {"train": "4 of 4 train", "test": "2 of 2 test"}[split]
    assert message.startswith(f"task: the verifier '{verifier}' cannot judge by {count} answers ('...")
    assert message.count("####") == (4 if split == "train" else 3)  # three examples, or all there are; and the remedy
    assert message.endswith('set task.answer_from to {"after": "####"}, which takes the answer out of the solution')
    assert caught.value.exit_code == 2
    assert not (recipe / "run").exists()


@pytest.mark.parametrize("verifier", VERIFIERS)
def test_a_solution_is_no_answer_and_an_answer_is_one(verifier):
    judge = spec(verifier).verifier
    solutions = [SOLUTION, SOLUTION.replace("\n", " "), "so x is \\boxed{72}", "the answer is 72", "\\frac{1}{2"]
    assert [text for text in solutions if judge.can_judge(text)] == []
    answers = ["72", "-3.5", "1,000", "\\frac{1}{2}", "50\\%", "12 cm"]
    assert [text for text in answers if not judge.can_judge(text)] == []


@pytest.mark.parametrize("answer", ["\\text{Even}", "x^2+1", "(-\\infty, 3]", "\\{1, 2\\}", "No real solutions", "B"])
def test_answers_without_a_number_are_for_math_and_not_for_numeric(answer):
    assert spec("math").verifier.can_judge(answer)
    assert not spec("numeric").verifier.can_judge(answer)


def test_a_few_references_that_cannot_be_judged_are_a_notice():
    answers = ["1"] * 99 + [SOLUTION]
    with pytest.warns(ReferenceNotice, match=r"cannot judge by 1 of 100 train answers \('\.\.\..*#### 72'\)"):
        check_references(spec(), "train", problems(answers))
    with pytest.raises(DataError, match="more than max_unjudgeable = 0 allows"):
        check_references(spec(max_unjudgeable=0), "train", problems(answers))


@pytest.mark.parametrize(
    ("answer", "remedy"),
    [
        ("so it is \\boxed{72}", 'set task.answer_from to {"boxed": true}'),
        ("the answer is 72", 'set task.answer_from ({"after": "..."}, {"boxed": true} or {"regex": "..."})'),
    ],
)
def test_the_remedy_fits_what_the_references_look_like(answer, remedy):
    with pytest.raises(DataError, match=re.escape(remedy)):
        check_references(spec(), "train", problems([answer]))


def test_a_task_without_the_field_is_not_told_to_set_it():
    with pytest.raises(DataError, match="give each problem its answer alone"):
        check_references(spec(task={"kind": "arithmetic"}), "train", problems([SOLUTION]))


@pytest.mark.parametrize("answer", [72, None, float("nan"), True])
def test_a_tasks_answer_that_is_not_text_is_refused_by_name(answer):
    with pytest.raises(
        DataError, match=rf"task 'jsonl': problem '0' has the answer {answer} \({type(answer).__name__}\)"
    ):
        check_references(spec("numeric"), "train", problems([answer]))


def test_a_notice_about_references_is_in_the_records(tmp_path):
    rows = [{"problem": f"{n}=", "answer": str(n) if n else SOLUTION} for n in range(40)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    changes = {"task": {"kind": "jsonl", "train": str(tmp_path / "a.jsonl")}, "verifier": {"kind": "numeric"}}
    run(small_spec(save_model(tmp_path / "model"), **changes, rounds={"count": 1, "steps": 1}), tmp_path / "run")
    told = [record["text"] for record in read_records(tmp_path / "run") if record["event"] == "notice"]
    assert len([text for text in told if "cannot judge by 1 of 40 train answers" in text]) == 1


@pytest.mark.parametrize(
    ("fields", "text", "answer"),
    [
        ({"after": "####"}, SOLUTION, "72"),
        ({"after": "####"}, "#### 1\n#### 1,000 \nend", "1,000"),
        ({"after": "####"}, "72", None),
        ({"after": "####"}, "72 ####  ", None),
        ({"boxed": True}, "\\boxed{1} and \\boxed{\\frac{1}{2}}", "\\frac{1}{2}"),
        ({"boxed": True}, "\\boxed{1", None),
        ({"regex": r"= (\d+)"}, "a = 1, b = 22", "22"),
        ({"regex": r"\d+"}, "a = 1, b = 22", "22"),
        ({"regex": r"(x)?\d"}, "1", None),
        ({"regex": r"\d+"}, "none", None),
    ],
)
def test_the_last_answer_in_a_solution_is_taken(fields, text, answer):
    assert AnswerFrom(**fields).extract(text) == answer


@pytest.mark.parametrize(
    ("fields", "fault"),
    [({}, "give one of"), ({"after": "#", "boxed": True}, "give one of"), ({"regex": "("}, "regex: missing")],
)
def test_an_extraction_is_one_of_three(fields, fault):
    with pytest.raises(ValidationError, match=fault):
        AnswerFrom(**fields)


def test_a_row_without_an_answer_in_it_is_a_bad_row(tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_text(json.dumps({"problem": "1+1", "answer": "It is two."}) + "\n")
    with pytest.raises(DataError) as caught:
        list(Jsonl(train=str(file), answer_from={"after": "####"}).problems("train"))  # pyright: ignore[reportArgumentType]
    expected = """'answer': task.answer_from {"after":"####"} finds no answer in it; it ends with 'It is two.'"""
    assert str(caught.value).startswith(f"{file}:1: {expected}")


def test_caches_of_another_extraction_are_told_apart_and_old_ones_stay_good(tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_text(json.dumps({"problem": "1+1", "answer": "#### 2"}) + "\n")
    plain = Jsonl(train=str(file))
    after = Jsonl(train=str(file), answer_from=AnswerFrom(after="####"))
    assert plain.identity != after.identity
    assert plain.identity == "jsonl:a:6e8d082b6afe"
