"""Files of a run that were truncated, changed or replaced: a resume, a comparison and a report go on or say which file.

Never an exception of another kind; and what would change figures without a word is refused.
"""

import json
import random
import shutil
import subprocess
import sys
from itertools import product

import numpy as np
import pytest
import zstandard
from small_run import save_model, small_spec

import dsk
from dsk.compare.arms import group_runs
from dsk.compare.comparison import compare
from dsk.compare.runs import read_run
from dsk.compare.search_only import search_only
from dsk.core.errors import DamagedFileError, DskError, InterruptedRun
from dsk.core.run.ledger import Silent
from dsk.core.run.records import append_jsonl, read_jsonl
from dsk.core.run.stored_groups import read_groups, write_groups
from dsk.core.types import Group, Problem
from dsk.report import write_report

SEED = 20
SHORT = {"rounds": {"count": 2, "steps": 1}, "screen": {"samples": 2, "threshold": 1.0}}
FILES = (
    "events.jsonl", "spec.json", "status.json", "versions.json", "summary.json", "cache.sqlite",
    "rounds/held_out.jsonl", "rounds/0/screen.jsonl", "rounds/0/hard_set.jsonl", "rounds/1/hard_set.jsonl",
    "rounds/evaluation_before.jsonl", "trees/000000.jsonl.zst", "trees/000001.jsonl.zst",
    "final/tokenizer.json", "final/model.safetensors", "checkpoints/LAST/state.json",
    "checkpoints/LAST/model.safetensors", "checkpoints/LAST/optimizer.safetensors",
)  # fmt: skip
HOSTILE = (None, -1, "x", [], {}, 1e400, True, 10**30)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def spec(model):
    return small_spec(model, evaluate={"samples": 2, "hard_only": True}, **SHORT)


@pytest.fixture(scope="module")
def finished(spec, tmp_path_factory):
    return dsk.run(spec, tmp_path_factory.mktemp("runs") / "whole").folder


@pytest.fixture(scope="module")
def cut(spec, tmp_path_factory):
    """The run, left after its first step."""
    folder = tmp_path_factory.mktemp("runs") / "cut"
    events = folder / "events.jsonl"
    with pytest.raises(InterruptedRun):
        dsk.run(spec, folder, should_stop=lambda: events.exists() and '"event":"step"' in events.read_text())
    return folder


def bytes_of(path):
    data = path.read_bytes()
    return zstandard.ZstdDecompressor().decompress(data) if path.suffix == ".zst" else data


def put(path, data):
    path.write_bytes(zstandard.ZstdCompressor().compress(data) if path.suffix == ".zst" else data)


def cut_short(path, rng):
    data = path.read_bytes()
    path.write_bytes(data[: rng.randrange(len(data))])


def cut_content(path, rng):
    data = bytes_of(path)
    put(path, data[: rng.randrange(len(data))])


def flip(path, rng):
    data = bytearray(path.read_bytes())
    for _ in range(3):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(bytes(data))


def empty(path, rng):
    path.write_bytes(b"")


def not_utf8(path, rng):
    data = bytes_of(path)
    at = rng.randrange(len(data))
    put(path, data[:at] + b"\xff\xfe" + data[at:])


def a_folder(path, rng):
    path.unlink()
    path.mkdir()


def gone(path, rng):
    path.unlink()


def deep(path, rng):
    put(path, b"[" * 20000 + b"\n")


def lines_lost(path, rng):
    lines = bytes_of(path).splitlines(keepends=True)
    del lines[rng.randrange(len(lines))]
    put(path, b"".join(lines))


def json_change(path, rng, change):
    """Change one key somewhere in the file's JSON; nothing where the file is not JSON."""
    try:
        text = bytes_of(path).decode()
        whole = path.suffix == ".json"
        rows = [json.loads(text)] if whole else [json.loads(line) for line in text.splitlines()]
    except ValueError:
        return
    places = [(part, key) for row in rows for part in objects(row) for key in part]
    change(*rng.choice(places))
    put(path, "".join(json.dumps(row) + "\n" for row in rows).encode())


def objects(value):
    """Every object within `value`."""
    if isinstance(value, dict):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(part)


def drop_key(path, rng):
    json_change(path, rng, lambda part, key: part.pop(key))


def wrong_type(path, rng):
    json_change(path, rng, lambda part, key: part.__setitem__(key, rng.choice(HOSTILE)))


TAMPERINGS = (
    cut_short, cut_content, flip, empty, not_utf8, a_folder, gone, deep, lines_lost, drop_key, drop_key, wrong_type,
    wrong_type,
)  # fmt: skip


def tampered(folder, tmp_path, name, tampering, number):
    """A copy with one file changed; None where the run has no such file (yet)."""
    copy = shutil.copytree(folder, tmp_path / "copy")
    if "LAST" in name:
        name = name.replace("LAST", sorted(p.name for p in (copy / "checkpoints").iterdir())[-1])
    path = copy / name
    if not path.is_file():
        return None
    tampering(path, random.Random(f"{SEED} {name} {number}"))
    return copy


def only_dsk_errors(action, *arguments, **options):
    said = ""
    try:
        action(*arguments, **options)
    except DskError as error:
        said = str(error)
    assert len(said.splitlines()) <= 1
    assert len(said) < 1500
    return said


ALL = [(name, tampering, number) for name, (number, tampering) in product(FILES, enumerate(TAMPERINGS))]
QUICK = set(random.Random(SEED).sample(range(len(ALL)), 50))
CASES = [
    pytest.param(*case, id=f"{case[0]}-{case[1].__name__}-{case[2]}", marks=[] if i in QUICK else [pytest.mark.full])
    for i, case in enumerate(ALL)
]


@pytest.mark.parametrize(("name", "tampering", "number"), CASES)
def test_a_comparison_and_a_report_of_a_damaged_run_end_in_one_line(finished, tmp_path, name, tampering, number):
    copy = tampered(finished, tmp_path, name, tampering, number)
    only_dsk_errors(lambda: compare(group_runs([read_run(copy)])))
    only_dsk_errors(write_report, copy, tmp_path / "page.html")


@pytest.mark.parametrize(("name", "tampering", "number"), CASES)
def test_a_damaged_run_is_resumed_or_refused_in_one_line(cut, spec, tmp_path, name, tampering, number):
    copy = tampered(cut, tmp_path, name, tampering, number)
    if copy is not None:
        only_dsk_errors(dsk.run, spec, copy, resume=True)


@pytest.fixture(scope="module")
def searched(spec, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "searched"
    search_only(spec, folder, resume=False, listener=Silent(), should_stop=lambda: False)
    return folder


@pytest.mark.parametrize("tampering", dict.fromkeys(TAMPERINGS), ids=lambda tampering: tampering.__name__)
def test_a_damaged_search_only_run_is_resumed_or_refused_in_one_line(searched, spec, tmp_path, tampering):
    copy = tampered(searched, tmp_path, "search.jsonl", tampering, 0)
    only_dsk_errors(lambda: compare(group_runs([read_run(copy)])))
    only_dsk_errors(search_only, spec, copy, resume=True, listener=Silent(), should_stop=lambda: False)


def without_last_line(path):
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def test_events_that_end_before_the_checkpoint_are_not_resumed_from(cut, spec, tmp_path):
    copy = shutil.copytree(cut, tmp_path / "copy")
    without_last_line(copy / "events.jsonl")
    with pytest.raises(DamagedFileError, match=r"events.jsonl: damaged: ends after \d+ records of \d+ that the checkp"):
        dsk.run(spec, copy, resume=True)


def test_events_without_their_end_are_neither_compared_nor_reported(finished, tmp_path):
    copy = shutil.copytree(finished, tmp_path / "copy")
    without_last_line(copy / "events.jsonl")
    for read in (read_run, write_report):
        with pytest.raises(DamagedFileError, match=r"events.jsonl: damaged: it has no end, and the run has finished"):
            read(copy)


@pytest.mark.parametrize(
    ("file", "text", "fault"),
    [
        ("rounds/0/hard_set.jsonl", None, r"cannot be read \(No such file or directory\)"),
        ("rounds/0/hard_set.jsonl", '{"id": "z", "rate": 0.0}\n', "problem 'z' is not in the task"),
        ("rounds/held_out.jsonl", '{"id": "i", "rate": 3}\n', "rate: Input should be less than or equal to 1"),
        ("rounds/0/screen.jsonl", '{"id": "a", "rate": 0.5, "tokens": "9", "version": 0}\n', "tokens: Input should"),
        ("status.json", '{"status": "running", "pid": 0}', "pid: Input should be greater than 0"),
        ("spec.json", "[]", "Input should be an object"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_the_file_and_what_to_do(cut, spec, tmp_path, file, text, fault):
    copy = shutil.copytree(cut, tmp_path / "copy")
    (copy / file).unlink()
    if text is not None:
        (copy / file).write_text(text)
    with pytest.raises(DamagedFileError, match=rf"{file}(:\d+)?: damaged: {fault}.*; (restore|delete) it"):
        dsk.run(spec, copy, resume=True)


def test_a_tree_file_cut_short_is_not_taken_for_a_shorter_one(finished):
    """zstandard's stream reader gives what there is of a frame, without an error."""
    [file, *_] = sorted((finished / "trees").glob("[0-9]*.jsonl.zst"))
    whole = file.read_bytes()
    file.write_bytes(whole[:-5])
    try:
        with pytest.raises(DamagedFileError, match=r"jsonl.zst: damaged: not as it was compressed"):
            read_groups(file)
    finally:
        file.write_bytes(whole)


@pytest.mark.parametrize("command", ["report", "compare"])
def test_the_command_says_it_in_one_line_with_exit_code_2(finished, tmp_path, command):
    copy = shutil.copytree(finished, tmp_path / "copy")
    (copy / "events.jsonl").write_bytes(b"\xff\xfe\n")
    done = subprocess.run(
        [sys.executable, "-m", "dsk", command, str(copy)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"dsk: {copy}/events.jsonl:1: damaged: not JSON")
    assert len(done.stderr.splitlines()) == 1


def test_rows_hold_integers_of_any_size_and_text_with_half_a_character(tmp_path):
    append_jsonl(tmp_path / "rows.jsonl", [{"large": 10**30, "half": "a\ud800b", "array": np.arange(2)}])
    assert read_jsonl(tmp_path / "rows.jsonl") == [{"large": 10**30, "half": "a?b", "array": [0, 1]}]
    problem = Problem("p", "\udfff", "1", {"large": 10**30})
    write_groups(tmp_path / "groups.jsonl.zst", [Group(problem, (1,), (), "direct")])
    [group] = read_groups(tmp_path / "groups.jsonl.zst")
    assert (group.problem.prompt, group.problem.meta) == ("?", {"large": 10**30})
