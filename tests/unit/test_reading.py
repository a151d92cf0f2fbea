"""JSON that people write: what Python's reader would take, mend or drop without a word is refused, with its path."""

from __future__ import annotations

import json

import pytest

from dsk.core.errors import SpecError
from dsk.core.input.faults import LINE, LINES, QUOTED, fault_lines, shortened
from dsk.core.input.reading import parse_json, read_json
from dsk.core.loading import override


def refused(text: str) -> tuple[str, ...]:
    with pytest.raises(SpecError) as caught:
        parse_json(text, "file.json")
    assert caught.value.exit_code == 2
    return caught.value.problems


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '{"a": [1, -2.5e3, "é", "\\ud83d\\ude00", null, true]}',
        str(2**64 - 1),
        str(-(2**63)),
        "[" * 100 + "]" * 100,
    ],
)
def test_usable_json_is_read_as_python_reads_it(text):
    assert parse_json(text, "file.json") == json.loads(text)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"a": {"b": 1, "c": 2, "b": 3}}', "a.b: this key is there 2 times; keep one"),
        ('[{}, {"k": 1, "k": 2, "k": 3}]', "1.k: this key is there 3 times; keep one"),
        ('{"a": NaN}', "a: NaN is not a finite number"),
        ('{"a": [-Infinity]}', "a.0: -Infinity is not a finite number"),
        ("1e999", "1e999 is not a finite number"),
        (f'{{"a": {"9" * 5000}}}', "a: an integer of 5000 digits; integers have at most 64 bits"),
        (str(2**64), "an integer of 20 digits; integers have at most 64 bits"),
        ("[" * 101 + "]" * 101, f"{'.'.join('0' * 100)}: objects and lists are nested more than 100 deep"),
        ("[" * 100_000 + "]" * 100_000, "objects and lists are nested more than 100 deep"),
        ('{"a":' * 5000, "objects and lists are nested more than 100 deep"),
        ('{"a": "\\ud800"}', "a: half a character (a lone surrogate, from bytes that are not UTF-8); write it whole"),
        ('{"\\ud800": 1}', "half a character (a lone surrogate, from bytes that are not UTF-8); write it whole"),
    ],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_what_cannot_be_used_is_one_line_with_its_path(text, fault):
    assert refused(text) == (f"file.json: {fault}",)


def test_every_fault_of_a_file_is_listed_in_its_order():
    assert [line.split(": ")[1] for line in refused('{"a": NaN, "b": {"c": 1, "c": 2}, "d": [0, 1e999]}')] == [
        "a", "b.c", "d.1",
    ]  # fmt: skip


@pytest.mark.parametrize("content", [b'{"a": 1', b"", b"\xff\xfe{", b'\xef\xbb\xbf{"a": 1}', b"\x00"])
def test_a_file_that_is_no_json_is_one_line_that_begins_with_its_name(tmp_path, content):
    file = tmp_path / "file.json"
    file.write_bytes(content)
    with pytest.raises(SpecError) as caught:
        read_json(file)
    (line,) = caught.value.problems
    assert line.startswith(str(file))
    assert line.isprintable()


@pytest.mark.parametrize("name", ["missing.json", "", "nul\0l", "x" * 5000, "\udcff"])
def test_a_file_that_cannot_be_opened_is_one_line(tmp_path, name):
    with pytest.raises(SpecError, match="cannot be read: ") as caught:
        read_json(tmp_path / name)
    assert all(line.isprintable() for line in caught.value.problems)


@pytest.mark.parametrize(
    ("assignment", "fault"),
    [
        ("seed=" + "9" * 5000, "--set seed: an integer of 5000 digits"),
        ("a=" + "[" * 5000, "--set a: objects and lists are nested more than 100 deep"),
        ("name=\udcff", "--set name: half a character"),
        ("\udcff=1", "--set \\udcff=1: expected path=value"),
        ("a\nb=1", "--set a\\nb=1: expected path=value"),
        ("lr=NaN", "--set lr: NaN is not a finite number"),
        ('a={"b": 1, "b": 2}', "--set a: b: this key is there 2 times; keep one"),
        (".".join("a" * 2000) + "=1", f"--set {'a.' * 18}"),
        ("x" * 5000, "--set xxx"),
    ],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_an_override_that_cannot_be_used_is_one_line(assignment, fault):
    with pytest.raises(SpecError) as caught:
        override({}, [assignment])
    (line,) = caught.value.problems
    assert line.startswith(fault)
    assert line.isprintable()
    assert len(line) <= LINE


def test_an_override_that_is_no_json_is_text():
    assert override({}, ["a=uct", "b=1", 'c="1"', "d=007", "e=", "f=[x]"]) == {
        "a": "uct", "b": 1, "c": "1", "d": "007", "e": "", "f": "[x]",
    }  # fmt: skip


def test_a_long_text_keeps_its_ends():
    text = "begin" + "\n" * 10_000 + "end"
    assert shortened("short\n") == "short\\n"
    assert len(shortened(text)) == QUOTED
    assert shortened(text).startswith("begin\\n")
    assert shortened(text).endswith("\\nend")


def test_many_faults_are_counted():
    lines = fault_lines("file.json", [f"fault {n}" for n in range(LINES + 3)])
    assert lines[LINES - 1 :] == [f"file.json: fault {LINES - 1}", "file.json: and 3 more; mend these first"]
    assert len(fault_lines("file.json", map(str, range(LINES)))) == LINES
