"""What people write for an answer, right and wrong, by kind (tests/answers.jsonl: a line each, open to additions).

1. Every line is decided as its reader decided it, but for those with `"miss": true`, which we are known to get wrong.
2. What is accepted does not depend on which of two plain values is the reference.
3. Answers made wrong stay refused, also by the workers.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsk.components.verifiers import MathVerifier
from dsk.components.verifiers.answers.exact import decide_texts
from dsk.components.verifiers.answers.extraction import boxed_answer, last_formula, stated
from dsk.components.verifiers.math import MathSession
from dsk.core.errors import SpecError
from dsk.core.loading import parse_spec
from dsk.core.types import Problem, Verdict
from dsk.testing.answers import mutations
from dsk.testing.verifier import item

FILE = Path(__file__).parents[1] / "answers.jsonl"
CASES = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]
FIELDS = {"kind", "reference", "response", "right", "source", "why", "miss"}


@pytest.fixture(scope="module")
def session() -> Iterator[MathSession]:
    with MathVerifier(workers=2, fallbacks=("phrase", "formula", "number")).open() as session:
        yield session


@pytest.fixture(scope="module")
def verdicts(session: MathSession) -> list[Verdict]:
    return session.verify([item(case["reference"], case["response"]) for case in CASES])


@pytest.mark.full
@pytest.mark.parametrize("kind", sorted({case["kind"] for case in CASES}))
def test_every_case_is_decided_as_its_reader_did(verdicts: list[Verdict], kind: str) -> None:
    wrong = [
        (case["reference"], case["response"], verdict.reason)
        for case, verdict in zip(CASES, verdicts, strict=True)
        if case["kind"] == kind and (verdict.correct != case["right"]) != case.get("miss", False)
    ]
    assert wrong == []


def test_the_cases_are_well_formed_and_of_many_kinds() -> None:
    assert [case for case in CASES if not set(case) <= FIELDS or not isinstance(case["right"], bool)] == []
    kinds = Counter(case["kind"] for case in CASES)
    assert len(kinds) >= 25
    assert min(kinds.values()) >= 2
    repeated = Counter((case["reference"], case["response"]) for case in CASES)
    assert [pair for pair, count in repeated.items() if count > 1] == []


NUMBER = st.one_of(
    st.integers(-999, 99_999).map(str),
    st.integers(1000, 999_999).map("{:,}".format),
    st.builds("\\frac{{{}}}{{{}}}".format, st.integers(-9, 9), st.integers(2, 9)),
    st.builds("{}.{}".format, st.integers(0, 99), st.integers(0, 999)),
    st.builds("{}e{}".format, st.integers(1, 9), st.integers(-3, 6)),
    st.builds("{}\\cdot10^{{{}}}".format, st.integers(1, 9), st.integers(-3, 6)),
    st.builds("{}:{}".format, st.integers(1, 9), st.integers(1, 9)),
    st.builds("0.\\overline{{{}}}".format, st.integers(0, 9)),
)
LIST = st.lists(NUMBER, min_size=2, max_size=3)
PLAIN = st.one_of(
    NUMBER,
    LIST.map(", ".join),
    LIST.map(" \\text{ and } ".join),
    LIST.map(lambda parts: f"\\{{{', '.join(parts)}\\}}"),
    LIST.map(lambda parts: f"({', '.join(parts)})"),
    NUMBER.map("\\pm {}".format),
    NUMBER.map("x = {}".format),
    NUMBER.map("\\approx {}".format),
)


@given(PLAIN, PLAIN)
def test_plain_values_are_equal_whichever_is_the_reference(left: str, right: str) -> None:
    assert decide_texts(left, right) == decide_texts(right, left)


@given(PLAIN)
def test_a_plain_value_is_equal_to_itself(value: str) -> None:
    assert decide_texts(value, value) is True


@given(st.lists(st.integers(0, 9999), min_size=2, max_size=4, unique=True), st.sampled_from([" and ", ", ", "$ or $"]))
def test_listed_boxes_are_one_answer_and_equal_to_none_of_their_parts(numbers: list[int], joint: str) -> None:
    boxes = joint.join(f"\\boxed{{{n}}}" for n in numbers)
    answer = boxed_answer(f"So ${boxes}$.")
    assert answer is not None
    assert decide_texts(answer, ", ".join(map(str, reversed(numbers)))) is True
    assert [n for n in numbers if decide_texts(answer, str(n)) is not False] == []


# The limit of sin x / x is 1 either way up.
TO_SPOIL = [
    case for case in CASES if case["right"] and len(case["reference"]) < 40 and "\\lim" not in case["reference"]
]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(TO_SPOIL), st.integers(0, 99))
def test_references_made_wrong_stay_refused_by_the_workers(session: MathSession, case: dict, seed: int) -> None:
    wrong = [w for rule, w in mutations(case["reference"], seed) if rule in ("fraction", "element")]
    found = session.verify([item(case["reference"], f"\\boxed{{{answer}}}") for answer in wrong])
    assert [answer for answer, verdict in zip(wrong, found, strict=True) if verdict.correct] == []


def test_the_base_of_a_bare_log_is_a_field() -> None:
    pairs = [("3", "\\boxed{\\log 1000}"), ("\\ln 2", "\\boxed{\\log 2}"), ("\\log_{10} 2", "\\boxed{\\log 2}")]
    items = [(Problem("p", "", gold), response) for gold, response in pairs]
    found = {}
    for log in ("natural", "ten"):
        with MathVerifier.model_validate({"workers": 1, "log": log}).open() as session:
            found[log] = [verdict.correct for verdict in session.verify(items)]
    assert found == {"natural": [False, True, False], "ten": [True, False, True]}


def test_another_base_is_refused_in_one_line() -> None:
    spec = {"name": "t", "model": {"path": "m"}, "task": {"kind": "jsonl", "train": "t.jsonl"}}
    with pytest.raises(SpecError, match=r"verifier.log: .*'natural' or 'ten' \(found \"two\"\)") as caught:
        parse_spec({**spec, "verifier": {"kind": "math", "log": "two"}})
    assert (len(str(caught.value).splitlines()), caught.value.exit_code) == (1, 2)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("\\boxed{1} and \\boxed{2}", "1, 2"), ("\\boxed{1}. So \\boxed{2}", "2"), ("\\boxed{3} or \\boxed{3}", "3"),
        ("\\boxed{1} or \\boxed{2}. In fact \\boxed{3}", "3"), ("\\boxed{\\boxed{4}, \\boxed{5}}", "4, 5"),
        ("\\boxed{1}\n\n\\boxed{2}", "2"), ("\\boxed{1} and \\boxed{2", "1"), ("x", None),
    ],
)  # fmt: skip
def test_boxes_are_joined_only_where_they_are_listed(text: str, answer: str | None) -> None:
    assert boxed_answer(text) == answer


def test_the_last_formula_is_a_fallback() -> None:
    assert last_formula("as $a$ is odd, \\(b\\) and $c$ remain") == "b, c"
    assert stated("no formula", ("formula",)) is None
