r"""One spelling for many: LaTeX that prints the same comes out as the same string.

Tokens, not regular expressions over the whole text, so that the time is linear whatever a response holds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[^\\]|\\", re.DOTALL)
_UNICODE = str.maketrans(
    {
        "−": "-", "–": "-", "—": "-", "×": "\\times ", "·": "\\cdot ", "÷": "/", "≤": "\\le ", "≥": "\\ge ",
        "≠": "\\ne ", "∞": "\\infty ", "π": "\\pi ", "°": "^\\circ ", "∪": "\\cup ", "∩": "\\cap ", "∅": "\\emptyset ",
        "±": "\\pm ", "ℝ": "\\mathbb{R}", "ℤ": "\\mathbb{Z}", "ℚ": "\\mathbb{Q}", "ℕ": "\\mathbb{N}", "ℂ": "\\mathbb{C}",
        "∈": "\\in ", "→": "\\to ", "²": "^2", "³": "^3", "′": "'", "“": '"', "”": '"', "’": "'",
        "\u00a0": " ", "\u200b": "", "\ufeff": "", "\u2061": "",
    }
)  # fmt: skip
_DROPPED = frozenset(
    ["\\left", "\\right", "\\big", "\\Big", "\\bigg", "\\Bigg", "\\bigl", "\\bigr", "\\Bigl", "\\Bigr", "\\biggl", "\\biggr", "\\Biggl", "\\Biggr", "\\middle", "\\displaystyle", "\\textstyle", "\\scriptstyle", "\\limits", "\\nolimits", "\\quad", "\\qquad", "\\,", "\\;", "\\:", "\\!", "\\", "", "\\>", "\\hfill", "\\thinspace", "\\medspace", "\\thickspace", "\\negthinspace", "\\enspace", "\\hspace", "\\ensuremath", "\\boxed", "\\degree", "\\$", "$", "\\(", "\\)", "\\[", "\\]", "~", "\\n", "\\t", "\\allowbreak", "\\nobreak", "\\phantom", "\\protect", "\\bf", "\\rm", "\\it", "\\mathstrut", "\\strut"]
)
_SAME = {
    "\\dfrac": "\\frac", "\\tfrac": "\\frac", "\\cfrac": "\\frac", "\\dbinom": "\\binom", "\\tbinom": "\\binom",
    "\\leq": "\\le", "\\leqslant": "\\le", "\\geq": "\\ge", "\\geqslant": "\\ge", "\\neq": "\\ne", "\\lt": "<", "\\gt": ">",
    "\\rightarrow": "\\to", "\\longrightarrow": "\\to", "\\varnothing": "\\emptyset", "\\lbrace": "\\{", "\\rbrace": "\\}",
    "\\lvert": "|", "\\rvert": "|", "\\vert": "|", "\\mid": "|", "\\|": "\\Vert", "\\lVert": "\\Vert", "\\rVert": "\\Vert",
    "\\land": "\\wedge", "\\lor": "\\vee", "\\lnot": "\\neg", "\\ast": "*", "\\dots": "\\ldots", "\\cdots": "\\ldots",
    "\\times": "\\cdot", "\\prime": "'", "\\implies": "\\Rightarrow", "\\iff": "\\Leftrightarrow", "\\colon": ":",
    "\\lbrack": "[", "\\rbrack": "]", "\\lparen": "(", "\\rparen": ")", "\\minus": "-", "\\plus": "+", "\\%": "%",
    "\\Reals": "\\mathbb{R}", "\\bmatrix": "\\matrix", "\\T": "\\top", "\\intercal": "\\top",
}  # fmt: skip
TEXT = frozenset(
    ["\\text", "\\textrm", "\\textbf", "\\textit", "\\textsf", "\\texttt", "\\textnormal", "\\mbox", "\\hbox", "\\mathrm", "\\mathbf", "\\mathit", "\\mathsf", "\\mathtt", "\\operatorname", "\\bm", "\\boldsymbol", "\\emph", "\\textup", "\\textsc"]
)
_ARGUMENTS = {"\\frac": 2, "\\binom": 2, "\\sqrt": 1}
_ENVIRONMENTS = {"bmatrix": "pmatrix", "matrix": "pmatrix", "array": "pmatrix", "smallmatrix": "pmatrix"}
_TRAILING = " .,;:"
_OPERATORS = frozenset("+-*/=<>,(^_|".replace("", " ").split()) | {"\\cdot", "\\to", "\\le", "\\ge", "\\in", "\\cup"}
_QUANTITIES = frozenset(("\\pi", "\\infty", "\\sqrt"))
_NAME = re.compile(
    r"(?:\\[A-Za-z]+|[A-Za-z])'?(?:_(?:\w|\{[^{}]{1,12}\}))?(?:\([A-Za-z](?:,[A-Za-z]){0,3}\))?|\|?[A-Z]{2,3}\|?"
)
UNITS = frozenset(
    ["cm", "mm", "km", "m", "ft", "in", "feet", "foot", "inch", "inches", "meter", "meters", "metre", "metres", "mile", "miles", "yard", "yards", "degree", "degrees", "deg", "radian", "radians", "rad", "unit", "units", "square", "sq", "cubic", "second", "seconds", "sec", "s", "minute", "minutes", "min", "hour", "hours", "hr", "hrs", "day", "days", "week", "weeks", "month", "months", "year", "years", "kg", "g", "gram", "grams", "mg", "lb", "lbs", "pound", "pounds", "ounce", "ounces", "oz", "liter", "liters", "litre", "litres", "dollar", "dollars", "cent", "cents", "euro", "euros", "percent", "mph", "kmh", "mps", "way", "ways", "people", "students", "points", "times", "items"]
)


def tokens(text: str) -> list[str]:
    """LaTeX tokens with synonyms merged and everything that only moves ink dropped; spaces are kept as single ones."""
    result: list[str] = []
    for token in _TOKEN.findall(text.translate(_UNICODE)):
        if token.isspace() or token in _DROPPED:
            token = " "
        if token != " " or (result and result[-1] != " "):
            result.append(_SAME.get(token, token))
    return result


def closing(parts: list[str], start: int) -> int | None:
    """Index of the `}` that matches the `{` at `start`, or None."""
    depth = 0
    for index in range(start, len(parts)):
        depth += (parts[index] == "{") - (parts[index] == "}")
        if depth == 0:
            return index
    return None


def pairs(parts: list[str]) -> dict[int, int]:
    """Every matched brace: index of `{` to index of its `}`, in one pass."""
    stack: list[int] = []
    found: dict[int, int] = {}
    for index, part in enumerate(parts):
        if part == "{":
            stack.append(index)
        elif part == "}" and stack:
            found[stack.pop()] = index
    return found


def unwrap_text(parts: list[str]) -> list[str]:
    r"""`\text{...}` and its kin without macro and braces (spaces inside kept)."""
    dropped: set[int] = set()
    match = pairs(parts)
    for index, part in enumerate(parts):
        after = index + 1 + (parts[index + 1 : index + 2] == [" "])
        if part in TEXT:
            dropped.add(index)
            if after in match:
                dropped |= {after, match[after]}
    return [part for index, part in enumerate(parts) if index not in dropped]


def brace_arguments(parts: list[str]) -> list[str]:
    r"""`\frac12` as `\frac{1}{2}`, `\sqrt3` as `\sqrt{3}`, `x^{2}` as `x^2`, and `^\circ` gone. No spaces in `parts`."""
    match = pairs(parts)
    bare: set[int] = set()
    dropped: set[int] = set()
    for index, part in enumerate(parts):
        if part in _ARGUMENTS:
            bare |= _bare_arguments(parts, index, match)
        elif part in ("^", "_"):
            dropped |= _idle_script(parts, index, match)
    return [
        piece
        for index, part in enumerate(parts)
        if index not in dropped
        for piece in (("{", part, "}") if index in bare else (part,))
    ]


def _bare_arguments(parts: list[str], index: int, match: dict[int, int]) -> set[int]:
    """Indices of the arguments of the macro at `index` that are one token without braces."""
    bare: set[int] = set()
    at = index + 1
    if parts[index] == "\\sqrt" and parts[at : at + 1] == ["["]:
        ends = [end for end in range(at, min(at + 12, len(parts))) if parts[end] == "]"]
        at = ends[0] + 1 if ends else len(parts)
    for _ in range(_ARGUMENTS[parts[index]]):
        if at >= len(parts) or parts[at] in _ARGUMENTS:
            break
        if parts[at] == "{":
            at = match.get(at, len(parts)) + 1
            continue
        bare.add(at)
        at += 1
    return bare


def _idle_script(parts: list[str], index: int, match: dict[int, int]) -> set[int]:
    """Indices to drop around the script at `index`: braces around one token, or a whole degree sign."""
    if parts[index : index + 2] == ["^", "\\circ"]:
        return {index, index + 1}
    if match.get(index + 1) != index + 3:
        return set()
    if parts[index] == "^" and parts[index + 2] == "\\circ":
        return {index, index + 1, index + 2, index + 3}
    return {index + 1, index + 3}


def joined(parts: list[str]) -> str:
    """LaTeX again: a space only after a command that a letter follows."""
    pieces: list[str] = []
    for part in parts:
        if pieces and part[0].isalpha() and pieces[-1][0] == "\\" and pieces[-1][-1].isalpha():
            pieces.append(" ")
        pieces.append(part)
    return "".join(pieces)


@dataclass(frozen=True)
class Form:
    """An answer's normal spelling.

    `core` is LaTeX without units or an assigned name; `unit` and `name` are what was taken off (empty for nothing).
    `words` is the text with spaces kept and case folded, for answers in words.
    """

    core: str
    unit: str
    name: str
    words: str


def form(text: str) -> Form:
    """The normal form of one answer (not of a whole response: cost is linear, but every character is looked at)."""
    raw = tokens(text)
    words = "".join(unwrap_text(raw)).strip(_TRAILING + "{}*").casefold()
    raw, unit = _split_unit(raw)
    parts = brace_arguments([part for part in unwrap_text(raw) if part != " "])
    parts = _trim(parts)
    name, parts = _split_name(parts)
    core = joined(parts)
    for old, new in _ENVIRONMENTS.items():
        core = core.replace(f"{{{old}}}", f"{{{new}}}")
    if core.startswith("+"):
        core = core[1:]
    core = core.replace("+\\infty", "\\infty") if "," in core else core
    return Form(core.replace("\\cdot", "\\cdot") or words, unit, name, words)


def _trim(parts: list[str]) -> list[str]:
    """Without trailing punctuation and without one pair of braces around everything."""
    start, end = 0, len(parts)
    while end > start and parts[end - 1] in _TRAILING:
        end -= 1
    parts = parts[start:end]
    while parts and parts[0] == "{" and closing(parts, 0) == len(parts) - 1:
        parts = parts[1:-1]
    return parts


def _split_name(parts: list[str]) -> tuple[str, list[str]]:
    """(`x`, right-hand side) of an answer `x=...` or `f(x)=...` with one `=`; ("", parts) otherwise."""
    if parts.count("=") != 1:
        return "", parts
    at = parts.index("=")
    left = joined(parts[:at])
    return (left, parts[at + 1 :]) if _NAME.fullmatch(left) and at + 1 < len(parts) else ("", parts)


def _split_unit(raw: list[str]) -> tuple[list[str], str]:
    r"""Take a unit off the end of a quantity: `%`, `\text{ cm}`, or a known word after a number."""
    end = len(raw)
    while end and raw[end - 1] in _TRAILING:
        end -= 1
    raw = raw[:end]
    if raw and raw[-1] == "%":
        return raw[:-1], "%"
    start = _text_start(raw)
    if start is None:
        start = _word_start(raw)
    if start is None or not any(part.isdigit() or part in _QUANTITIES for part in raw[:start]):
        return raw, ""
    if not raw[:start] or raw[start - 1] in _OPERATORS:
        return raw, ""
    return raw[:start], "".join(unwrap_text(raw[start:])).strip(_TRAILING).casefold()


def _text_start(raw: list[str]) -> int | None:
    r"""Where a final `\text{word}` (with an exponent or not) begins."""
    end = len(raw)
    for suffix in (["^", "2"], ["^", "3"], ["^", "{", "2", "}"], ["^", "{", "3", "}"]):
        if raw[-len(suffix) :] == suffix:
            end -= len(suffix)
            break
    if not end or raw[end - 1] != "}":
        return None
    start = max((i for i in range(max(0, end - 40), end) if raw[i] == "{"), default=-1)
    before = start - 1 - (raw[start - 1 : start] == [" "])
    if start < 0 or before < 0 or raw[before] not in TEXT or raw[before] == "\\operatorname":
        return None
    inside = raw[start + 1 : end - 1]
    if not any(p.isalpha() for p in inside) or not all(p.isalpha() or p in " ./-^23" for p in inside):
        return None
    at = before - (raw[before - 1 : before] == [" "]) if before else before
    return at if at > 0 else None


def _word_start(raw: list[str]) -> int | None:
    """Where a final bare unit word (or several) begins."""
    start = len(raw)
    while start and (raw[start - 1].isalpha() or raw[start - 1] in " ."):
        start -= 1
    tail = "".join(raw[start:]).strip(" .").casefold()
    found = bool(tail) and all(word.strip(".") in UNITS for word in tail.split())
    return start if found and start else None
