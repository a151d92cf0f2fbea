"""Mutated specs and studies: each loads, or is refused in short lines that name the file. Seeded."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from dsk.compare.planning import plan_runs
from dsk.compare.study import load_study
from dsk.core.errors import SpecError
from dsk.core.input.faults import LINE, LINES, QUOTED
from dsk.core.loading import load_spec, override

ROOT = Path(__file__).parents[2]
SPECS = sorted((ROOT / "examples").glob("*.json"))
STUDIES = sorted((ROOT / "studies").glob("*.json"))
MUTANTS = 60
LITERALS = [
    "null", "true", "0", "-1", "1", "0.5", "-0.0", "1e308", "1e999", "NaN", "-Infinity", "9" * 30, "9" * 5000, '""',
    '"\\n"', '"a\\u0000b"', '"\\ud800"', '"\\u001b[31m"', '"[red]x[/red]"', json.dumps("x" * 3000), '"uct"', "[]", "{}",
    "[null]", '{"kind": "a\\nb"}', '{"kind": ["uct"]}', '{"kind": {}}', '{"kind": "uct", "exploration": []}',
    "[" * 200 + "]" * 200, "[" * 5000 + "]" * 5000, '{"a":' * 2000 + "1" + "}" * 2000, '{"k": 1, "k": 2}',
]  # fmt: skip
NAMES = [
    "",
    "kind",
    "a.b",
    "x" * 400,
    "a\nb",
    "\x1b[2J",
    "\ud800",
    "beta",
    "[red]",
    "é",
    "search",
    "rollout",
    "base",
    "tasks",
    "7",
]
HOLE = "the hole"


def places(value, path=()):
    """Every path in a JSON value."""
    yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield from places(part, (*path, name))


def mutated(data, rng: random.Random) -> str:
    """The text of `data` with up to three changes: a value replaced, a field renamed, added or dropped."""
    text = json.dumps(data)
    for _ in range(rng.randint(1, 3)):
        data = json.loads(text)
        *parents, last = rng.choice([path for path in places(data) if path])
        inside = data
        for name in parents:
            inside = inside[name]
        literal = change(inside, last, rng)
        text = json.dumps(data)
        if literal is not None:
            return text.replace(json.dumps(HOLE), literal)
    return text


def change(inside, last, rng: random.Random) -> str | None:
    """Change one place; the JSON literal that goes into the hole it leaves, if it leaves one."""
    way = rng.choice(("literal", "literal", "add", "rename", "drop"))
    if way == "literal" or isinstance(inside, list):
        inside[last] = HOLE
    elif way == "add":
        inside[rng.choice(NAMES)] = HOLE
    elif way == "rename":
        inside[rng.choice(NAMES)] = inside.pop(last)
        return None
    else:
        del inside[last]
        return None
    return rng.choice(LITERALS)


def damaged(text: str, rng: random.Random) -> bytes:
    """The text as bytes, one time in five cut, with a byte changed, or with a part repeated."""
    data = bytearray(text.encode())
    if rng.random() < 0.2 and len(data) < 10_000:
        start = rng.randrange(len(data))
        if rng.random() < 0.5:
            del data[start:]
        else:
            data[start : start + 1] = rng.choice([b"\xff", b"\x00", b'"', b"{", b",", bytes(data[:start])])
    return bytes(data)


def faults(load, *arguments) -> tuple[str, ...]:
    """The lines of the SpecError that `load` raises; none where it loads. Any other exception is the test's failure."""
    try:
        load(*arguments)
    except SpecError as error:
        return error.problems
    return ()


def check(lines: tuple[str, ...], source: str) -> None:
    """Few lines, each whole, printable, bounded, and beginning with its source."""
    assert len(lines) <= LINES + 1
    for line in lines:
        assert line.startswith(source), line
        assert line.isprintable(), line
        assert len(line) <= len(source) + len(": arms.: ") + QUOTED + LINE, line


def plan(file: Path) -> None:
    plan_runs(load_study(file), str(file), file.parent / "runs")


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("example", SPECS, ids=lambda path: path.stem)
def test_a_mutated_spec_loads_or_is_refused_in_short_lines(example, seed, tmp_path):
    rng, data = random.Random(f"{example.stem}{seed}"), json.loads(example.read_text())
    for _ in range(MUTANTS // 5):
        file = tmp_path / "spec.json"
        file.write_bytes(damaged(mutated(data, rng), rng))
        check(faults(load_spec, file), str(file))


@pytest.mark.parametrize("study", STUDIES, ids=lambda path: path.stem)
def test_a_mutated_study_loads_or_is_refused_in_short_lines(study, tmp_path):
    rng, data = random.Random(study.stem), json.loads(study.read_text())
    base = json.loads((study.parent / data["base"]).read_text())
    for number in range(MUTANTS):
        whole = {**data, "arms": dict(list(data["arms"].items())[:3]), "baseline": None, "seeds": [0]}
        whole["base"] = base if number % 2 else str(study.parent / data["base"])
        file = tmp_path / "study.json"
        file.write_bytes(damaged(mutated(whole, rng), rng))
        check(faults(plan, file), str(file))


def test_a_mutated_override_is_taken_or_refused_in_short_lines():
    rng, data = random.Random(0), json.loads((ROOT / "examples" / "quickstart.json").read_text())
    paths = [".".join(map(str, path)) for path in places(data) if path]
    for _ in range(5 * MUTANTS):
        path = ".".join(rng.sample([rng.choice(paths), rng.choice(NAMES), "x." * 150], rng.choice([1, 1, 2])))
        check(faults(override, data, [f"{path}={rng.choice([*LITERALS, 'plain', ''])}"]), "--set ")
