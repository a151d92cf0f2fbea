"""An estimate never calls equal expressions different, and the normal form never raises."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from dsk.components.verifiers.answers.estimate import estimate, surely_differ
from dsk.components.verifiers.answers.exact import decide_texts
from dsk.components.verifiers.answers.normal import form
from dsk.testing.answers import mutations, rewrites
from dsk.testing.hostile import hostile_answers

leaves = st.one_of(st.integers(0, 30).map(str), st.sampled_from(["x", "y", "\\pi", "e"]))
expressions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds("({}+{})".format, inner, inner),
        st.builds("({}-{})".format, inner, inner),
        st.builds("({})({})".format, inner, inner),
        st.builds("\\frac{{{}}}{{{}}}".format, inner, inner),
        st.builds("\\sqrt{{{}}}".format, inner),
        st.builds("({})^{}".format, inner, st.integers(2, 4)),
        st.builds("\\ln({})".format, inner),
        st.builds("\\sin({})".format, inner),
    ),
    max_leaves=8,
)


@given(expressions, expressions, expressions)
def test_rearranged_expressions_never_surely_differ(a: str, b: str, c: str) -> None:
    for left, right in [
        (f"({a})({b}+{c})", f"({a})({b})+({a})({c})"),
        (f"({a}+{b})^2", f"({a})^2+2({a})({b})+({b})^2"),
        (f"{a}+{b}-({b})", a),
        (f"\\frac{{{a}}}{{{b}}}", f"({a})\\cdot\\frac{{1}}{{{b}}}"),
    ]:
        assert not surely_differ(estimate(left), estimate(right), 0.0)


@given(st.integers(-50, 50), st.integers(1, 50))
def test_an_estimate_is_the_value(n: int, d: int) -> None:
    found = estimate(f"\\frac{{{n}}}{{{d}}}+\\sqrt{{{d}}}\\pi")
    assert found is not None
    assert math.isclose(found.value.real, n / d + math.sqrt(d) * math.pi, rel_tol=1e-12, abs_tol=1e-12)


@given(hostile_answers(), hostile_answers())
def test_hostile_answers_have_normal_forms_and_decisions(answer: str, gold: str) -> None:
    assert form(answer).core is not None
    assert decide_texts(answer, answer) is not False or form(answer).words.startswith(("yes", "no", "true", "false"))
    assert decide_texts(answer, gold) in (True, False, None)


numbers = st.one_of(
    st.integers(-(10**6), 10**6).map(str),
    st.builds("\\frac{{{}}}{{{}}}".format, st.integers(1, 99), st.integers(2, 99)),
    st.builds("{}.{}".format, st.integers(-99, 99), st.integers(1, 999)),
)
answers = st.one_of(numbers, st.lists(numbers, min_size=2, max_size=4).map(lambda parts: f"({', '.join(parts)})"))


@given(answers)
def test_respelt_numbers_are_equal(answer: str) -> None:
    assert [(rule, other) for rule, other in rewrites(answer) if decide_texts(other, answer) is not True] == []


@given(answers, st.integers(0, 10**6))
def test_mutated_numbers_are_not_accepted(answer: str, seed: int) -> None:
    accepted = [(rule, wrong) for rule, wrong in mutations(answer, seed) if decide_texts(wrong, answer) is True]
    assert accepted == []
