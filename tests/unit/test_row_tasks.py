"""JSON Lines and Parquet problems: columns by name, stable ids, and one line for whatever is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dsk.components.tasks.jsonl import Jsonl
from dsk.components.tasks.parquet import Parquet
from dsk.components.tasks.rows import DataWarning
from dsk.core.errors import DataError
from dsk.core.roles import Task
from dsk.core.types import Problem
from dsk.testing.task import TaskContract

REAL = Path(__file__).parents[3] / "shared" / "data" / "deepmath_hard"
ROWS = [{"problem": f"What is {n} + {n}?", "answer": str(2 * n)} for n in range(40)]
VERL = [
    {
        "prompt": [{"role": "user", "content": f"Double {n}."}],
        "reward_model": {"ground_truth": str(2 * n), "style": "rule"},
        "extra_info": {"index": n},
    }
    for n in range(600)
]


def write(path: Path, *lines: object) -> str:
    """A JSON Lines file; text and bytes are written as they are."""
    raw = [
        line if isinstance(line, bytes) else (line if isinstance(line, str) else json.dumps(line)).encode()
        for line in lines
    ]
    path.write_bytes(b"\n".join(raw) + b"\n")
    return str(path)


def table(path: Path, rows: list[dict]) -> str:
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=100)
    return str(path)


@pytest.fixture
def files(tmp_path, request) -> None:
    """Both formats' train and test files for the contracts below."""
    request.instance.tmp = tmp_path
    write(tmp_path / "train.jsonl", *ROWS[:30])
    write(tmp_path / "test.jsonl", *ROWS[30:])
    table(tmp_path / "train.parquet", VERL[:500])
    table(tmp_path / "test.parquet", VERL[500:])


@pytest.mark.usefixtures("files")
class TestJsonl(TaskContract):
    def make_task(self) -> Task:
        return Jsonl(train=str(self.tmp / "train.jsonl"), test=(str(self.tmp / "te*.jsonl"),))


@pytest.mark.usefixtures("files")
class TestParquet(TaskContract):
    def make_task(self) -> Task:
        return Parquet(train=str(self.tmp / "train.parquet"), test=str(self.tmp / "test.parquet"))


def error(task: Task, split: str = "train") -> str:
    """The DataError that reading the whole split raises; it has one line and exit code 2."""
    with pytest.raises(DataError) as caught:
        list(task.problems(split))  # pyright: ignore[reportArgumentType]
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


BAD_ROWS = [
    ('{"problem": "1+1", "answer": ', "column 30: not JSON: Expecting value"),
    ("[1, 2]", "a JSON list, not an object"),
    ({"problem": "1+1", "anwser": "2"}, "no column 'answer'; columns: problem, anwser; did you mean 'anwser'?"),
    ({"problem": "1+1", "answer": None}, "'answer' is null"),
    ({"problem": "  ", "answer": "2"}, "'problem' is empty"),
    ({"problem": "1+1", "answer": ["2"]}, "'answer' is list, not text"),
    ({"problem": [{"role": "user"}], "answer": "2"}, "a message that is not an object with role and content"),
    ({"problem": [], "answer": "2"}, "'problem' is list, not text or a list of chat messages"),
    ('{"problem": "1+1", "answer": NaN}', "'answer' is nan, not a finite number"),
    ('{"problem": "1+1", "answer": ' + "9" * 5000 + "}", "not usable JSON"),
    ("[" * 100_000, "not usable JSON"),
    ('{"problem": "1+1", "answer": "\\ud800"}', "'answer' cannot be read as text"),
    (b'{"problem": "\xff", "answer": "2"}', "column 14: not UTF-8"),
]


@pytest.mark.parametrize(("row", "fault"), BAD_ROWS, ids=[fault for _, fault in BAD_ROWS])
def test_a_bad_row_is_named_by_file_and_line(tmp_path, row, fault):
    file = write(tmp_path / "a.jsonl", ROWS[0], "", row, ROWS[1])
    message = error(Jsonl(train=file))
    assert message.startswith(f"{file}:3: ")
    assert fault in message
    assert "set task.on_bad_row to 'skip'" in message


def test_skipped_rows_are_counted_and_said(tmp_path):
    file = write(tmp_path / "a.jsonl", ROWS[0], *[row for row, _ in BAD_ROWS], ROWS[1])
    stream = Jsonl(train=file, on_bad_row="skip").problems("train")
    with pytest.warns(DataWarning, match=rf"{len(BAD_ROWS)} bad rows skipped: .*a\.jsonl:2: .*; \.\.\."):
        problems = list(stream)
    assert [problem.answer for problem in problems] == ["0", "2"]
    assert len(stream.skipped) == len(BAD_ROWS)


def test_a_data_set_of_bad_rows_only_is_empty_and_says_why(tmp_path):
    file = write(tmp_path / "a.jsonl", {"question": "1+1", "answer": "2"})
    message = error(Jsonl(train=file, on_bad_row="skip"))
    assert "the data set is empty (all its 1 rows are bad" in message
    assert "no column 'problem'; columns: question, answer" in message


def test_a_repeated_problem_comes_once_and_is_counted(tmp_path):
    stream = Jsonl(train=write(tmp_path / "a.jsonl", ROWS[0], ROWS[1], ROWS[0])).problems("train")
    with pytest.warns(DataWarning, match="1 rows repeat an earlier problem"):
        assert len(list(stream)) == 2


def test_an_id_used_for_two_problems_is_a_bad_row(tmp_path):
    file = write(tmp_path / "a.jsonl", {**ROWS[0], "n": 7}, {**ROWS[1], "n": 7})
    assert f"{file}:2: n '7' is already the id of another problem" in error(Jsonl(train=file, id="n"))


@pytest.mark.parametrize("kind", [Jsonl, Parquet])
def test_a_missing_file_is_named_with_the_nearest_there_is(tmp_path, kind):
    write(tmp_path / "train.jsonl", ROWS[0])
    with pytest.raises(DataError, match=r"task\.train: no file '.*tran\.jsonl' .*did you mean 'train\.jsonl'\?"):
        kind(train=str(tmp_path / "tran.jsonl")).problems("train")
    with pytest.raises(DataError, match=r"task\.test: .*there is no folder"):
        kind(train="x", test=str(tmp_path / "no" / "*.jsonl")).problems("test")
    with pytest.raises(DataError, match="is a folder; name its files"):
        kind(train=str(tmp_path)).problems("train")


def test_an_empty_file_is_an_empty_data_set(tmp_path):
    assert "the data set is empty (it has no rows)" in error(Jsonl(train=write(tmp_path / "a.jsonl", "")))
    file = table(tmp_path / "a.parquet", [{"problem": "1", "answer": "1"}][:0] or [])
    assert "no column 'problem'" in error(Parquet(train=file))


def test_a_split_without_files_has_no_problems(tmp_path):
    assert list(Jsonl(train=write(tmp_path / "a.jsonl", ROWS[0])).problems("test")) == []


def test_ids_depend_on_the_content_and_not_on_file_order_or_format(tmp_path):
    lines = list(Jsonl(train=write(tmp_path / "a.jsonl", *ROWS)).problems("train"))
    columns = list(Parquet(train=table(tmp_path / "b.parquet", ROWS[::-1])).problems("train"))
    assert lines == columns[::-1]
    assert lines[0].id == "1feeedf7ba8b4fdf"


def test_columns_are_taken_by_name_and_dotted_path(tmp_path):
    row = {"q": {"en": "1+1"}, "gold": 2, "name": "sum", "topic": "adding", "unused": None}
    for kind, file in ((Jsonl, write(tmp_path / "a.jsonl", row)), (Parquet, table(tmp_path / "a.parquet", [row]))):
        task = kind(train=file, problem="q.en", answer="gold", id="name", meta=("topic",))
        assert list(task.problems("train")) == [Problem("sum", "1+1", "2", {"topic": "adding"})]


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_the_verl_layout_is_recognised(tmp_path, kind):
    file = write(tmp_path / "a.jsonl", VERL[3]) if kind == "jsonl" else table(tmp_path / "a.parquet", [VERL[3]])
    (problem,) = (Jsonl if kind == "jsonl" else Parquet)(train=file).problems("train")
    assert problem.prompt == ({"role": "user", "content": "Double 3."},)
    assert (problem.answer, problem.meta) == ("6", {"index": 3})


def test_a_missing_parquet_column_is_named_with_the_nearest_there_is(tmp_path):
    file = table(tmp_path / "a.parquet", VERL[:3])
    message = error(Parquet(train=file, answer="reward_model.ground_thruth"))
    assert message.startswith(f"{file}: no column 'reward_model.ground_thruth'; columns: ")
    assert "did you mean 'reward_model.ground_truth'?" in message


def test_a_damaged_parquet_file_is_one_line(tmp_path):
    whole = Path(table(tmp_path / "a.parquet", VERL)).read_bytes()
    for content in (b"hello", b"", whole[:-9], whole[:200] + b"\x00" * 3000 + whole[3200:]):
        (tmp_path / "b.parquet").write_bytes(content)
        assert "not a readable Parquet file" in error(Parquet(train=str(tmp_path / "b.parquet")))


def test_the_identity_follows_content_and_columns_but_not_the_folder(tmp_path):
    (tmp_path / "x").mkdir()
    one, moved = write(tmp_path / "a.jsonl", *ROWS), write(tmp_path / "x" / "a.jsonl", *ROWS)
    assert Jsonl(train=one).identity == Jsonl(train=moved).identity
    assert Jsonl(train=one).identity != Jsonl(train=write(tmp_path / "x" / "a.jsonl", *ROWS[1:])).identity
    assert Jsonl(train=one).identity != Jsonl(train=one, answer="problem").identity
    assert Jsonl(train="nowhere", name="sums").identity == "sums"


@pytest.mark.skipif(not REAL.is_dir(), reason="the paper's data is not beside this checkout")
@pytest.mark.filterwarnings("ignore::dsk.components.tasks.rows.DataWarning")
def test_the_papers_own_data_reads_whole():
    task = Parquet(train=str(REAL / "r1_*.parquet"), test=str(REAL / "aime25_x32.parquet"), on_bad_row="skip")
    stream = task.problems("train")
    assert len(list(stream)) + len(stream.skipped) + stream.repeated == 10_023 + 3_635
    assert len(list(task.problems("test"))) == 30
    (first, *_) = stream
    assert first.prompt[0]["content"].endswith("output the final answer within \\boxed{}.")
