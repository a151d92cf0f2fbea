"""JSON Lines, CSV and Parquet problems: columns by name, stable ids, and one line for whatever is wrong."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from dsk.components.tasks.csv import Csv
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


def sheet(path: Path, *rows: dict, delimiter: str = ",") -> str:
    """A CSV file of rows with the same columns."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


@pytest.fixture
def files(tmp_path, request) -> None:
    """Every format's train and test files for the contracts below."""
    request.instance.tmp = tmp_path
    write(tmp_path / "train.jsonl", *ROWS[:30])
    write(tmp_path / "test.jsonl", *ROWS[30:])
    sheet(tmp_path / "train.csv", *ROWS[:30])
    sheet(tmp_path / "test.csv", *ROWS[30:])
    table(tmp_path / "train.parquet", VERL[:500])
    table(tmp_path / "test.parquet", VERL[500:])


@pytest.mark.usefixtures("files")
class TestJsonl(TaskContract):
    def make_task(self) -> Task:
        return Jsonl(train=str(self.tmp / "train.jsonl"), test=(str(self.tmp / "te*.jsonl"),))


@pytest.mark.usefixtures("files")
class TestCsv(TaskContract):
    def make_task(self) -> Task:
        return Csv(train=str(self.tmp / "train.csv"), test=(str(self.tmp / "te*.csv"),))


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


PACKERS = {"gzip": gzip.compress, "zstd": zstandard.compress}


def two_frames(data: bytes) -> bytes:
    return zstandard.compress(data[:100]) + zstandard.compress(data[100:])


@pytest.mark.parametrize("pack", [*PACKERS.values(), two_frames], ids=[*PACKERS, "two frames"])
@pytest.mark.parametrize("kind", [Jsonl, Csv])
def test_compressed_files_are_read_by_their_content_whatever_their_name(tmp_path, kind, pack):
    plain = Path(write(tmp_path / "a", *ROWS) if kind is Jsonl else sheet(tmp_path / "a", *ROWS))
    packed = tmp_path / "b"
    packed.write_bytes(pack(plain.read_bytes()))
    problems = list(kind(train=str(packed)).problems("train"))
    assert len(problems) == len(ROWS)
    assert problems == list(kind(train=str(plain)).problems("train"))


@pytest.mark.parametrize("name", PACKERS)
def test_a_compressed_file_that_was_cut_short_is_one_line_and_not_a_short_data_set(tmp_path, name):
    whole = PACKERS[name](Path(write(tmp_path / "a", *VERL)).read_bytes())
    (tmp_path / "b.jsonl").write_bytes(whole[: len(whole) // 2])
    assert "compressed data is damaged or cut short" in error(Jsonl(train=str(tmp_path / "b.jsonl")))


def test_quoted_fields_hold_commas_and_line_breaks(tmp_path):
    row = {"problem": 'One, "two"\nthree?', "answer": "1,000"}
    for delimiter in (",", "\t"):
        (problem,) = Csv(train=sheet(tmp_path / "a.csv", row, delimiter=delimiter), delimiter=delimiter).problems(
            "train"
        )
        assert (problem.prompt, problem.answer) == (row["problem"], row["answer"])


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b"3+3", "1 fields under 2 column names"),
        (b"3+3,6,7", "3 fields under 2 column names"),
        (b"3+3,", "'answer' is empty"),
        (b"3+\xff,6", "'problem' cannot be read as text"),
    ],
)
def test_a_bad_csv_row_is_named_by_file_and_line(tmp_path, line, fault):
    (tmp_path / "a.csv").write_bytes(b"problem,answer\n1+1,2\n\n" + line + b"\n2+2,4\n")
    task = Csv(train=str(tmp_path / "a.csv"))
    assert error(task).startswith(f"{tmp_path / 'a.csv'}:4: {fault}")
    with pytest.warns(DataWarning, match="1 bad rows skipped"):
        assert len(list(task.model_copy(update={"on_bad_row": "skip"}).problems("train"))) == 2


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "it has no rows"),
        (b"problem,answer\n", "it has no rows"),
        (b"problem,answer,answer\n1,2,3\n", ":1: the column 'answer' is there twice; rename one"),
        (b'problem,answer\n"1+1,2\n', ":2: not CSV: unexpected end of data"),
        (b"question,answer\n1+1,2\n", "no column 'problem'; columns: question, answer"),
    ],
)
def test_a_csv_file_that_cannot_be_used_is_one_line(tmp_path, content, fault):
    (tmp_path / "a.csv").write_bytes(content)
    assert fault in error(Csv(train=str(tmp_path / "a.csv")))


def contents() -> dict[str, bytes]:
    """One file of each kind, by the kind that reads it, or by what is wrong with it."""
    parquet = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), parquet)
    plain = "\n".join(map(json.dumps, ROWS)).encode()
    return {
        "parquet": parquet.getvalue(),
        "jsonl": plain,
        "csv": b"problem,answer\n1+1,2\n",
        "array": json.dumps(ROWS).encode(),
        "zip": b"PK\x03\x04" + bytes(99),
        "xz": b"\xfd7zXZ\x00" + bytes(99),
        "utf-16": "problem,answer\n1+1,2\n".encode("utf-16"),
    }


@pytest.mark.parametrize("kind", [Jsonl, Csv, Parquet])
@pytest.mark.parametrize("content", contents())
@pytest.mark.parametrize("on_bad_row", ["error", "skip"])
def test_a_file_of_another_kind_is_one_line_that_names_the_right_one(tmp_path, kind, content, on_bad_row):
    (tmp_path / "a").write_bytes(contents()[content])
    task = kind(train=str(tmp_path / "a"), on_bad_row=on_bad_row)
    if kind.kind == content:
        assert list(task.problems("train"))
        return
    remedies = {"array": "jq -c", "zip": "unpack it", "xz": "unpack it", "utf-16": "UTF-8"}
    assert remedies.get(content, f"set task.kind to '{content}'") in error(task)


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_the_kind_of_a_compressed_file_is_named_too(tmp_path, pack):
    (tmp_path / "a.gz").write_bytes(pack(contents()["csv"]))
    for kind in (Jsonl, Parquet):
        assert "set task.kind to 'csv'" in error(kind(train=str(tmp_path / "a.gz")))


@pytest.mark.skipif(not REAL.is_dir(), reason="the paper's data is not beside this checkout")
@pytest.mark.filterwarnings("ignore::dsk.components.tasks.rows.DataWarning")
def test_the_papers_own_data_reads_whole():
    task = Parquet(train=str(REAL / "r1_*.parquet"), test=str(REAL / "aime25_x32.parquet"), on_bad_row="skip")
    stream = task.problems("train")
    assert len(list(stream)) + len(stream.skipped) + stream.repeated == 10_023 + 3_635
    assert len(list(task.problems("test"))) == 30
    (first, *_) = stream
    assert first.prompt[0]["content"].endswith("output the final answer within \\boxed{}.")
