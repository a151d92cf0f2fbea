"""Files in the layouts of published data sets: their column names and forms, a few rows of our own in each."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

Rows = Sequence[Mapping[str, Any]]
COUNT = 4
SUMS = [{"problem": f"What is {n} + {n}?", "answer": str(2 * n)} for n in range(1, COUNT + 1)]


def _each(make: Callable[[int], dict[str, Any]]) -> list[dict[str, Any]]:
    return [make(n) for n in range(1, COUNT + 1)]


def _user(text: str) -> list[dict[str, str]]:
    return [{"content": text, "role": "user"}]


def _dapo(n: int) -> dict[str, Any]:
    asked = (
        "Solve the following math problem step by step. The last line of your response should be of the form Answer:"
        f" $Answer (without quotes) where $Answer is the answer to the problem.\n\nWhat is {n} + {n}?\n\n"
        'Remember to put your answer on its own line after "Answer:".'
    )
    return {
        "data_source": "math_dapo",
        "prompt": _user(asked),
        "ability": "MATH",
        "reward_model": {"ground_truth": str(2 * n), "style": "rule-lighteval/MATH_v2"},
        "extra_info": {"index": f"row-{n}"},
    }


HUB: dict[str, tuple[str, str, list[dict[str, Any]]]] = {
    "openai/gsm8k": ("main", "train test", _each(lambda n: {
        "question": f"Ann has {n} clips and buys {n} more. How many has she?",
        "answer": f"She has {n}+{n}=<<{n}+{n}={2 * n}>>{2 * n} clips.\n#### {2 * n}"})),
    "EleutherAI/hendrycks_math": ("algebra", "train test", _each(lambda n: {
        "problem": f"Solve $x - {n} = {n}$.", "level": "Level 1", "type": "Algebra",
        "solution": f"Adding {n} gives $x = \\boxed{{{2 * n}}}$."})),
    "HuggingFaceH4/MATH-500": ("default", "test", _each(lambda n: {
        "problem": f"Solve $x - {n} = {n}$.", "solution": f"$x = \\boxed{{{2 * n}}}$.", "answer": str(2 * n),
        "subject": "Algebra", "level": 1, "unique_id": f"test/algebra/{n}.json"})),
    "zwhe99/DeepMath-103K": ("default", "train", _each(lambda n: {
        "question": f"Evaluate $\\int_0^{n} 2x\\,dx$.", "final_answer": str(n * n), "difficulty": 5.0,
        "topic": "Mathematics -> Calculus", "r1_solution_1": "Okay.", "r1_solution_2": "So.", "r1_solution_3": "Hm."})),
    "trl-lib/DeepMath-103K": ("default", "train test", _each(lambda n: {
        "prompt": _user(f"Evaluate $\\int_0^{n} 2x\\,dx$."), "solution": str(n * n)})),
    "BytedTsinghua-SIA/DAPO-Math-17k": ("default", "train", _each(_dapo)),
    "Jiayi-Pan/Countdown-Tasks-3to4": ("default", "train", _each(lambda n: {"target": 50 + n, "nums": [n, 25, 25]})),
    "Maxwell-Jia/AIME_2024": ("default", "train", _each(lambda n: {
        "ID": f"2024-I-{n}", "Problem": f"Find {n} + {n}.", "Solution": f"It is {2 * n}.", "Answer": 2 * n})),
    "math-ai/aime25": ("default", "test", _each(lambda n: {
        "problem": f"Find {n} + {n}.", "answer": f"{2 * n:03d}", "id": str(n)})),
    "cais/mmlu": ("abstract_algebra", "test validation dev", _each(lambda n: {
        "question": f"What is {n} + {n}?", "subject": "abstract_algebra",
        "choices": [f"{2 * n + k} apples" for k in (1, 0, 2, 3)], "answer": 1})),
    "allenai/ai2_arc": ("ARC-Challenge", "train test", _each(lambda n: {
        "id": f"ARC_{n}", "question": f"What is {n} + {n}?",
        "choices": {"text": [str(2 * n + k) for k in (1, 2, 0, 3)], "label": list("1234" if n == 2 else "ABCD")},
        "answerKey": "3" if n == 2 else "C"})),
    "tau/commonsense_qa": ("default", "train", _each(lambda n: {
        "id": f"q{n}", "question": f"Where are {n} ships?", "question_concept": "ship",
        "choices": {"label": list("ABCDE"), "text": ["tree", "attic", "cave", "desk", "harbour"]}, "answerKey": "E"})),
    "deepmind/aqua_rat": ("raw", "train", _each(lambda n: {
        "question": f"What is {n} + {n}?", "options": [f"{a}){2 * n + k}" for k, a in enumerate("ABCDE")],
        "rationale": "Add.", "correct": "A"})),
    "openlifescienceai/medmcqa": ("default", "train", _each(lambda n: {
        "id": str(n), "question": f"Which bone, case {n}?", "opa": "ulna", "opb": "tibia", "opc": "femur",
        "opd": "skull", "cop": 2, "choice_type": "single", "exp": None, "subject_name": "Anatomy"})),
}  # fmt: skip
"""By hub id: configuration, splits, rows."""


def write_hub(folder: Path, name: str) -> Path:
    """A folder named like the hub's data set, laid out as the hub's repositories are: Parquet files and a card."""
    config, splits, rows = HUB[name]
    place = folder / name
    (place / config).mkdir(parents=True)
    card = ["---", "configs:"]
    for other in (config,) if config == "default" else (config, "another"):
        card += [f"- config_name: {other}", "  data_files:"]
        card += [f"  - split: {split}\n    path: {config}/{split}-*" for split in splits.split()]
    (place / "README.md").write_text("\n".join([*card, "---", ""]))
    for split in splits.split():
        part = rows if split != "test" or "train" not in splits else rows[-1:]
        rest = rows[:-1] if part is rows and "test" in splits and split == "train" else part
        pq.write_table(pa.Table.from_pylist(list(rest)), place / config / f"{split}-00000-of-00001.parquet")
    return place


def write_files(folder: Path) -> None:
    """The local files of every other layout."""
    plain = "".join(json.dumps(row) + "\n" for row in SUMS).encode()
    (folder / "sums.jsonl").write_bytes(plain)
    (folder / "sums.jsonl.gz").write_bytes(gzip.compress(plain))
    (folder / "sums.jsonl.zst").write_bytes(zstandard.compress(plain))
    pq.write_table(pa.Table.from_pylist(SUMS), folder / "sums.parquet")
    _table(folder / "sums.csv", SUMS, ",")
    _table(folder / "sums.tsv", SUMS, "\t")
    letters = dict(zip("ABCDE", ("red", "green", "blue", "white", "black"), strict=True))
    _table(folder / "choice.csv", _each(lambda n: {"question": f"Colour {n}?", **letters, "answer": "E"}), ",")
    _lines(folder / "chat.jsonl", _each(lambda n: {"messages": [
        *_user(f"What is {n} + {n}?"), {"role": "assistant", "content": f"It is $\\boxed{{{2 * n}}}$."}]}))  # fmt: skip
    _lines(folder / "asked.jsonl", _each(lambda n: {"prompt": _user(f"What is {n} + {n}?"), "answer": 2 * n}))


def write_saved(folder: Path) -> None:
    """What `save_to_disk` writes of a data set with splits."""
    from datasets import Dataset, DatasetDict

    DatasetDict({"train": Dataset.from_list(SUMS)}).save_to_disk(str(folder / "saved_sums"))


def _table(file: Path, rows: Rows, delimiter: str) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def _lines(file: Path, rows: Rows) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
