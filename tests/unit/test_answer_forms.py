"""Equivalent spellings are equal, different answers are not: numbers, words, choices, lists, relations, algebra."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dsk.components.verifiers import BoxedVerifier, MathVerifier, NumericVerifier
from dsk.components.verifiers.answers.exact import decide_texts
from dsk.components.verifiers.answers.extraction import extract, last_boxed
from dsk.components.verifiers.math import MathSession
from dsk.core.types import Problem

EQUAL = [
    ("\\dfrac12", "\\frac{1}{2}"), ("0.5", "\\dfrac{1}{2}"), (".5", "1/2"), ("2\\frac{1}{2}", "5/2"), ("x=3", "3"),
    ("x = 5 ", "5."), ("1,234", "1234"), ("12{,}345", "12345"), ("1.2 \\times 10^{3}", "1200"), ("−3", "-3"),
    ("0.333333", "1/3"), ("\\frac{-1}{2}", "-\\frac{1}{2}"), ("007", "7"), ("+4", "4"), ("$5$", "5"), ("\\(5\\)", "5"),
    ("3\\text{ cm}", "3"), ("3 cm", "3"), ("34", "34\\text{ sq. units}"), ("5\\,\\mathrm{m}^2", "5"), ("50\\%", "50"),
    ("90^\\circ", "90"), ("90^{\\circ}", "90"), ("90°", "90"), ("50\\%", "0.5"), ("6 \\text{ units}", "6"),
    ("\\text{Yes}", "Yes"), ("Yes.", "yes"), ("True", "Yes"), ("\\textbf{No}", "No"), ("\\text{false}", "False"),
    ("\\text{(B)}", "B"), ("\\textbf{B}", "B"), ("(B)", "B"), ("B. 12", "B"), ("C,E", "\\text{C,E}"),
    ("\\text{no solution}", "no solution"), ("Converges", "converges"),
    ("(1,2)", "(1, 2)"), ("\\left( \\frac{1}{3}, 0.5 \\right)", "(1/3, \\frac12)"), ("\\{1,2\\}", "\\{2, 1\\}"),
    ("2, 1", "1,2"), ("1 \\text{ and } 2", "1, 2"), ("(1,+\\infty)", "(1, \\infty)"),
    ("\\infty", "+\\infty"), ("\\varnothing", "\\emptyset"), ("\\mathbb R", "\\mathbb{R}"),
    ("2^{\\aleph_{0}}", "2^{\\aleph_0}"),
    ("\\sqrt 3", "\\sqrt{3}"), ("x^{2}+1", "x^2 + 1"), ("\\log 4", "\\ln 4"), ("f(x)=2x", "y=2x"), ("A=2", "A = 2"),
    ("\\begin{bmatrix}1&2\\\\3&4\\end{bmatrix}", "\\begin{pmatrix}1 & 2\\\\ 3 & \\frac{8}{2}\\end{pmatrix}"),
]  # fmt: skip

DIFFERENT = [
    ("3", "4"), ("-3", "3"), ("\\frac{2}{1}", "\\frac{1}{2}"), ("0.33", "1/3"), ("12345", "1234"), ("3 m", "3 cm"),
    ("No", "Yes"), ("False", "True"), ("maybe", "Yes"), ("(A)", "B"), ("AB", "A"), ("(1,2)", "(2,1)"),
    ("(1,2,3)", "(1,2)"),
    ("\\{1,2\\}", "\\{1,2,3\\}"), ("\\sqrt{2}", "\\sqrt{3}"), ("x+1", "x+2"), ("x+1", "y+1"), ("2\\pi", "\\pi"),
    ("\\ln 2-\\gamma", "\\ln 8-\\gamma"), ("\\sin x", "-\\sin x"), ("n>0", "n>3"), ("n<0", "n>0"), ("y=1", "-y=1"),
    ("a=3", "b=3"), ("2x-y=0", "5x-y=0"), ("\\frac{n!}{2}", "\\frac{2}{n!}"), ("c", "C"), ("X_1", "X_2"),
    ("\\begin{pmatrix}1&2\\end{pmatrix}", "\\begin{pmatrix}1&3\\end{pmatrix}"), ("e-\\gamma-1", "e-\\gamma-7"),
    ("100000000000000000001", "100000000000000000000"),
]  # fmt: skip

ALGEBRA = [
    ("x=1 \\text{ or } x=2", "1,2"),
    ("x^2+2x+1", "(x+1)^2"), ("\\frac{\\sqrt3}{3}", "\\frac{1}{\\sqrt{3}}"), ("\\sin^2x+\\cos^2x", "1"),
    ("10^{5}", "100000"),
    ("5!", "120"), ("2\\ln 2", "\\ln 4"), ("2i\\sqrt7", "\\sqrt{-28}"), ("\\binom{n}{2}", "\\frac{n(n-1)}{2}"),
    ("\\{\\frac{\\sqrt3}{3},1\\}", "\\{1,1/\\sqrt{3}\\}"), ("(0,1)\\cup(1,\\infty)", "(0, 1) \\cup (1, +\\infty)"),
    ("1<x<2", "(1,2)"), ("x>3", "(3,\\infty)"), ("-1<x\\le2", "(-1,2]"), ("x \\in (1,2)", "(1,2)"),
    ("\\pm 2", "\\{-2,2\\}"),
    ("\\{x|x>3\\}", "(3,\\infty)"), ("y=x", "x=y"), ("2x+4y=8", "2y+x=4"), ("n>0", "0<n"),
    ("\\mathbb{R}", "(-\\infty,\\infty)"),
    ("xy", "yx"), ("A=\\pi r^2", "\\pi r^2"), ("x=1,y=2", "y=2,x=1"), ("3.14159265", "\\pi"),
    ("\\begin{pmatrix}x+y\\\\1\\end{pmatrix}", "\\begin{bmatrix}y+x\\\\1\\end{bmatrix}"),
]  # fmt: skip

ALGEBRA_DIFFERENT = [
    ("[1,2)", "(1,2)"), ("\\infty", "-\\infty"), ("2", "2^{\\aleph_0}"),
    ("\\mathbb{Z}/2\\mathbb{Z}", "\\mathbb{Z}/3\\mathbb{Z}"),
    ("x'' + x", "x' + x"), ("I_1 \\neq I_2", "I_6 \\neq I_2"), ("f(\\infty)=7", "f(\\infty)=0"), ("\\gcd(a,b)", "1"),
    ("\\gamma+1", "1"), ("OI \\perp IA", "OI \\perp AB"), ("x^2+y^2=1", "x^2-y^2=1"),
]  # fmt: skip


@pytest.fixture(scope="module")
def session() -> Iterator[MathSession]:
    with MathVerifier(workers=1).open() as session:
        yield session


def reason(session: MathSession, answer: str, gold: str) -> str:
    return session.verify([(Problem("p", "", gold), f"Thus \\boxed{{{answer}}}.")])[0].reason


@pytest.mark.parametrize(("answer", "gold"), EQUAL)
def test_equal_spellings_are_decided_without_a_worker(answer: str, gold: str) -> None:
    assert decide_texts(answer, gold) is True


@pytest.mark.parametrize(("answer", "gold"), DIFFERENT)
def test_wrong_answers_are_decided_without_a_worker(answer: str, gold: str) -> None:
    assert decide_texts(answer, gold) is False


@pytest.mark.parametrize(("answer", "gold"), ALGEBRA)
def test_algebra_finds_equivalent_answers_equal(session: MathSession, answer: str, gold: str) -> None:
    assert reason(session, answer, gold) == "equal"


@pytest.mark.parametrize(("answer", "gold"), ALGEBRA_DIFFERENT)
def test_algebra_does_not_accept_what_its_parser_reads_carelessly(session: MathSession, answer: str, gold: str) -> None:
    assert reason(session, answer, gold) in ("different", "unparsable")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("\\boxed{1} and \\boxed{2}", "2"), ("\\boxed{\\frac{1}{2}}", "\\frac{1}{2}"), ("\\boxed {3}", "3"),
        ("\\boxed{4} then \\boxed{5", "4"), ("\\boxed{\\boxed{6}}", "6"), ("\\boxed{\\{7\\}}", "\\{7\\}"),
        ("\\fbox{8}", "8"),
        ("}}{\\boxed{9}{{", "9"), ("\\boxed{}", ""), ("\\boxed 1", None), ("boxed{1}", None), ("", None),
    ],
)  # fmt: skip
def test_the_last_balanced_box_is_the_answer(text: str, answer: str | None) -> None:
    assert last_boxed(text) == answer


@pytest.mark.parametrize(
    ("text", "fallbacks", "answer"),
    [
        ("The final answer is: 12.", ("phrase",), "12"), ("so 3 or 4,500", ("number",), "4,500"),
        ("a\n b \n\n", ("line",), "b"),
        ("The answer is 12", (), None), ("\\boxed{1}. The answer is 2", ("phrase",), "1"),
        ("none", ("phrase", "number"), None),
    ],
)  # fmt: skip
def test_fallbacks_are_tried_in_order_and_only_without_a_box(text: str, fallbacks: tuple, answer: str | None) -> None:
    assert extract(text, fallbacks) == answer


def test_equal_pairs_are_judged_once_and_remembered() -> None:
    with MathVerifier().open() as session:
        asked: list[object] = []
        session.pool.run = lambda tasks, seconds: asked.extend(tasks) or [{"reason": "equal"} for _ in tasks]
        for _ in range(3):
            assert reason(session, "\\sin(x)+\\ldots", "\\ldots+\\sin(x)") == "equal"
    assert len(asked) == 1


def test_an_answer_over_the_length_bound_is_unparsable_unless_spelt_like_the_reference() -> None:
    with MathVerifier(max_answer_chars=10).open() as session:
        assert reason(session, "1" * 11, "2") == "unparsable"
        assert reason(session, "1" * 11, "1" * 11) == "equal"


@pytest.mark.parametrize(
    ("answer", "gold", "why"),
    [
        ("9.8 \\text{ m/s}^2", "9.8", "equal"), ("6.02e23", "6.02 \\times 10^{23}", "equal"),
        ("1,000", "1000", "equal"),
        ("x \\approx 3.1415926", "3.1415927", "equal"), ("3.15", "3.14", "different"), ("half", "0.5", "unparsable"),
        ("50\\%", "0.5", "equal"), ("50\\%", "50", "equal"), ("\\frac{1}{3}", "0.33333333", "equal"),
        ("", "1", "no_answer"),
    ],
)  # fmt: skip
def test_numeric_compares_values(answer: str, gold: str, why: str) -> None:
    with NumericVerifier().open() as session:
        assert session.verify([(Problem("p", "", gold), f"\\boxed{{{answer}}}")])[0].reason == why


def test_numeric_tolerances_are_absolute_or_relative() -> None:
    items = [(Problem("p", "", "100"), "\\boxed{100.9}")]
    for fields, correct in (({"relative": 0.01}, True), ({"relative": 0.001}, False), ({"absolute": 1.0}, True)):
        with NumericVerifier.model_validate(fields).open() as session:
            assert session.verify(items)[0].correct is correct


def test_boxed_is_string_equality_within_its_window() -> None:
    with BoxedVerifier().open() as session:
        half = Problem("p", "", "\\frac{1}{2}")
        near, other, far = "\\boxed{\\frac12}", "\\boxed{0.5}", "\\boxed{\\frac12}" + "." * 300
        assert [v.reason for v in session.verify([(half, near), (half, other), (half, far)])] == [
            "equal",
            "different",
            "no_answer",
        ]
