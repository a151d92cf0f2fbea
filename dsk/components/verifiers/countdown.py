"""`countdown`: an expression that makes the target out of the problem's numbers (TinyZero's task)."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from typing import Any, ClassVar, Literal

from pydantic import Field

from dsk.components.verifiers.answers.extraction import extract
from dsk.core.errors import VerdictError
from dsk.core.roles import Verifier
from dsk.core.types import Problem, Verdict

LONGEST = 400
"""Characters of an expression; a longer one is `unparsable`."""
_TAGGED = re.compile(r"<answer>([^<]{1,400})</answer>")
_LATEX = (("\\times", "*"), ("\\cdot", "*"), ("\\div", "/"), ("×", "*"), ("÷", "/"), ("−", "-"), ("\\left", ""))
_SHAPE = re.compile(r"[\d+\-*/() ]+")
_OPERATIONS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}


class CountdownVerifier(Verifier):
    """The answer is an expression of + - * / and parentheses that uses the problem's numbers and equals the reference.

    It is looked for in the last box, or else in the last `<answer>` tag; what stands after `=` is left out. Rational
    arithmetic, so that `8/3*3` is 8. Reasons: `equal`, `different`, `other_numbers`, `unparsable`, `no_answer`.
    """

    kind: ClassVar[str] = "countdown"

    numbers: str | None = Field(
        "nums", min_length=1, description="Column of the numbers, which `task.meta` has to name; null allows any."
    )
    use: Literal["all", "some"] = Field(
        "all", description="Whether each number is to be used exactly once, or at most once."
    )

    def can_judge(self, reference: str) -> bool:
        """Whether it is a whole number."""
        return re.fullmatch(r"-?\d{1,18}", reference.strip()) is not None

    def columns(self) -> tuple[str, ...]:
        """That of the numbers."""
        return () if self.numbers is None else (self.numbers,)

    @contextmanager
    def open(self) -> Iterator[CountdownVerifier]:
        """No workers: the verifier itself is the session."""
        yield self

    def verify(self, items: Sequence[tuple[Problem, str]]) -> list[Verdict]:
        """One verdict per (problem, response), in order. Raises VerdictError for a problem without its numbers."""
        return [self._verdict(problem, text) for problem, text in items]

    def _verdict(self, problem: Problem, text: str) -> Verdict:
        answer = _stated(text)
        if answer is None:
            return Verdict(False, None, "no_answer")
        found = evaluated(answer)
        if found is None:
            return Verdict(False, answer, "unparsable")
        value, used = found
        if not self._fits(problem, used):
            return Verdict(False, answer, "other_numbers")
        equal = value == int(problem.answer)
        return Verdict(equal, answer, "equal" if equal else "different")

    def _fits(self, problem: Problem, used: Counter[int]) -> bool:
        if self.numbers is None:
            return True
        given = self._given(problem, self.numbers)
        return used == given if self.use == "all" else used <= given

    def _given(self, problem: Problem, name: str) -> Counter[int]:
        numbers: Any = problem.meta.get(name)
        if not isinstance(numbers, list | tuple) or not all(isinstance(number, int) for number in numbers):
            told = "is not a list of whole numbers" if name in problem.meta else "is not there"
            raise VerdictError(
                f"verifier.numbers: the column '{name}' of problem '{problem.id}' {told}; name the column in"
                " verifier.numbers and in task.meta"
            )
        return Counter(numbers)


def _stated(text: str) -> str | None:
    tagged = _TAGGED.findall(text)
    found = extract(text) or (tagged[-1].strip() if tagged else None)
    return found.split("=", 1)[0].strip() or None if found else None


def evaluated(expression: str) -> tuple[Fraction, Counter[int]] | None:
    """An expression's value and the numbers in it; None where it is not one of + - * / over whole numbers."""
    for old, new in _LATEX:
        expression = expression.replace(old, new)
    expression = expression.replace("\\right", "").strip()
    if len(expression) > LONGEST or "**" in expression or "//" in expression or not _SHAPE.fullmatch(expression):
        return None
    try:
        tree = ast.parse(expression, mode="eval").body
        used: Counter[int] = Counter()
        return _value(tree, used), used
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError, MemoryError):
        return None


def _value(node: ast.expr, used: Counter[int]) -> Fraction:
    if isinstance(node, ast.Constant) and type(node.value) is int:
        used[node.value] += 1
        return Fraction(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand, used)
    if not isinstance(node, ast.BinOp) or type(node.op) not in _OPERATIONS:
        raise ValueError("not an expression of + - * /")
    left, right = _value(node.left, used), _value(node.right, used)
    operation = _OPERATIONS[type(node.op)]
    if operation == "+":
        return left + right
    if operation == "-":
        return left - right
    return left * right if operation == "*" else left / right
