r"""One spelling for many: LaTeX that prints the same comes out as the same string.

Tokens, not regular expressions over the whole text, so that the time is linear whatever a response holds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dsk.components.verifiers.answers.structure import bracketed, split
from dsk.components.verifiers.answers.units import TRAILING, split_unit
from dsk.components.verifiers.answers.vocabulary import (
    ARGUMENTS,
    ENVIRONMENTS,
    FUNCTION_NAME,
    INVISIBLE,
    SAME,
    TEXT,
    UNICODE,
)
from dsk.components.verifiers.answers.wording import in_latex

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[^\\]|\\", re.DOTALL)
_SYMBOL = r"(?:\\[A-Za-z]+|[A-Za-z])'?(?:_(?:\w|\{[^{}]{1,12}\}))?"
_FUNCTION = re.compile(rf"{_SYMBOL}\([A-Za-z](?:,[A-Za-z]){{0,3}}\)")
_SEGMENT = r"[A-Z](?:_(?:\w|\{[^{}]{1,12}\})|[A-Z]{1,2})?"
_POINT = r"\([A-Za-z](?:,[A-Za-z]){1,3}\)"
_MEASURED = rf"\\(?:angle|triangle) ?[A-Z]{{1,3}}|{_SEGMENT}:{_SEGMENT}|\\frac\{{{_SEGMENT}\}}\{{{_SEGMENT}\}}"
NAME = re.compile(rf"{_SYMBOL}|\|?[A-Z]{{2,3}}\|?|{_POINT}|{_MEASURED}")
r"""What an answer may be said to be: `x`, `a_n`, `AB`, `(x,y)`, `AB:CD`, `\frac{AB}{CD}`."""
_NAMING = frozenset(("=", "\\in", "\\equiv", "\\cong"))
_NAME_LIKE = re.compile(r"[A-Za-z]|\\[A-Za-z]{3,}")
_VARIABLE = re.compile(r"[A-Za-z]|\\(?:theta|alpha|lambda|mu)")
_CONJUNCTION = re.compile(
    r",? ?\\(?:text|textrm|mathrm|mbox) ?\{ ?,? ?(?:or|and) ?\}|,? (?:or|and) (?=[-\\\d]|[A-Za-z] ?=)"
    r"|(?<=[\d)}]) ?(?:or|and) ?(?=[-\\\d(])"
)
_APART = re.compile(r"(?<=\d),(?:\s|~|\\[ ;]|\\q?quad(?![A-Za-z]))+(?=\d{3}(?!\d))")
_INVERSE = re.compile(r"\\(sin|cos|tan)\^\{-1\}")
_BASELESS = re.compile(r"\\log(?![_A-Za-z])")
_LOGARITHM = re.compile(r"(?:\\log|\\lg|(?<![\\A-Za-z])log(?=[ (]))(?![A-Za-z])(?!\s*_)")
_SYMMETRIC = re.compile(r"(\\(?:gcd|lcm|max|min))(?:\(([^()]{1,100})\)|\\\{([^{}]{1,100})\\\})")
_UNSEEN = re.compile(r"\\(?:left|right)\.|(?<=\d)\{(?=:\})|(?<=\d\{:)\}")
_ALIGNMENT = re.compile(r"(\\begin\{array\})\{[lcr|]{1,12}\}")
_SIGNS = re.compile(r"\\([pm])[pm](?![A-Za-z])")


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

    @property
    def whole(self) -> str:
        """The core with its name again."""
        return f"{self.name}={self.core}" if self.name else self.core


def form(text: str) -> Form:
    """The normal form of one answer (not of a whole response: every character costs a little)."""
    text = in_latex(text)
    if "or" in text or "and" in text:
        text = _CONJUNCTION.sub(", ", text)
    raw = tokens(_APART.sub(";", text) if "," in text else text)
    words = "".join(unwrap_text(raw)).strip(TRAILING + "{}*").casefold()
    quantity, unit = split_unit(raw)
    parts = _trim(brace_arguments([part for part in unwrap_text(quantity) if part != " "]))
    name, parts = _split_name(parts)
    # University mathematics writes log for the natural logarithm.
    core = _BASELESS.sub(r"\\ln", joined(parts)).removeprefix("+").replace(",+\\infty", ",\\infty")
    if "matrix" in core or "array" in core:
        core = _plain_matrix(core)
    if "\\pm" in core or "\\mp" in core:
        core = _both_signs(core)
    if core.startswith(("\\gcd", "\\lcm", "\\max", "\\min")):
        core = _SYMMETRIC.sub(_sorted_arguments, core)
    if core.startswith("\\{") and ":" in core and "|" not in core:
        core = core.replace(":", "|", 1)
    if "^{-1}" in core:
        core = _INVERSE.sub(r"\\arc\1", core)
    return Form(core or words, unit, name, words)


def based(text: str, base: int) -> str:
    r"""`text` with a base at every `\\log` (and `log(`) that has none."""
    return _LOGARITHM.sub(rf"\\log_{{{base}}}", text)


def _plain_matrix(core: str) -> str:
    """All matrices in the same brackets; columns' alignment and brackets drawn around an array gone."""
    core = _ALIGNMENT.sub(r"\1", core)
    for old, new in ENVIRONMENTS.items():
        core = core.replace(f"{{{old}}}", f"{{{new}}}")
    inside = core[1:-1]
    framed = core[:1] in ("(", "[") and inside.startswith("\\begin{pmatrix}") and inside.endswith("\\end{pmatrix}")
    return inside if framed else core


def _sorted_arguments(match: re.Match[str]) -> str:
    arguments = sorted(split(match[2] or match[3]))
    return f"{match[1]}({','.join(arguments)})"


def _both_signs(core: str) -> str:
    r"""`1\pm x` as the list `1+x,1-x`; elements with several signs stay as they are."""
    found = bracketed(core)
    braced = found is not None and found[0] == "\\{"
    pieces = found[2] if found is not None and braced else split(core)
    written = ",".join(_signed(piece) for piece in pieces)
    return f"\\{{{written}\\}}" if braced else written


def _signed(piece: str) -> str:
    if len(_SIGNS.findall(piece)) != 1:
        return piece
    upper, lower = (_SIGNS.sub(lambda match, s=s: s[match[1] == "m"], piece) for s in ("+-", "-+"))
    return f"{upper.removeprefix('+')},{lower.removeprefix('+')}"


def tokens(text: str) -> list[str]:
    """LaTeX tokens with synonyms merged and everything that only moves ink dropped; spaces are kept as single ones."""
    result: list[str] = []
    for token in _TOKEN.findall(_UNSEEN.sub("", text.translate(UNICODE))):
        if token.isspace() or token in INVISIBLE:
            token = " "
        if token != " " or (result and result[-1] != " "):
            result.append(SAME.get(token, token))
    return result


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
        if part in TEXT:
            after = index + 1 + (parts[index + 1 : index + 2] == [" "])
            dropped.add(index)
            if after in match:
                dropped |= {after, match[after]}
    return [part for index, part in enumerate(parts) if index not in dropped]


def brace_arguments(parts: list[str]) -> list[str]:
    r"""`\frac12` as `\frac{1}{2}`, `\sqrt3` as `\sqrt{3}`, `x^{2}` as `x^2`, `^\circ` gone. No spaces in `parts`."""
    if "\\sqrt" in parts and "(" in parts:
        parts = _round_roots(parts)
    match = pairs(parts)
    bare: set[int] = set()
    dropped: set[int] = set()
    for index, part in enumerate(parts):
        if part in ARGUMENTS:
            bare |= _bare_arguments(parts, index, match)
        elif part in ("^", "_"):
            dropped |= _idle_script(parts, index, match)
    return [
        piece
        for index, part in enumerate(parts)
        if index not in dropped
        for piece in (("{", part, "}") if index in bare else (part,))
    ]


def _round_roots(parts: list[str]) -> list[str]:
    r"""`\sqrt(3)`, which no one means for the root of a bracket, as `\sqrt{3}`."""
    result, stack = list(parts), list[int]()
    for index, part in enumerate(parts):
        if part == "(":
            stack.append(index)
        elif part == ")" and stack:
            start = stack.pop()
            if start and parts[start - 1] == "\\sqrt":
                result[start], result[index] = "{", "}"
    return result


def _bare_arguments(parts: list[str], index: int, match: dict[int, int]) -> set[int]:
    """Indices of the arguments of the macro at `index` that are one token without braces."""
    bare: set[int] = set()
    at = index + 1
    if parts[index] == "\\sqrt" and parts[at : at + 1] == ["["]:
        ends = [end for end in range(at, min(at + 12, len(parts))) if parts[end] == "]"]
        at = ends[0] + 1 if ends else len(parts)
    for _ in range(ARGUMENTS[parts[index]]):
        if at >= len(parts) or parts[at] in ARGUMENTS:
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


def _trim(parts: list[str]) -> list[str]:
    """Without trailing punctuation and without braces around everything."""
    end = len(parts)
    while end and parts[end - 1] in TRAILING:
        end -= 1
    match = pairs(parts[:end])
    start = 0
    while start < end and match.get(start) == end - 1:
        start, end = start + 1, end - 1
    return parts[start:end]


def _split_name(parts: list[str]) -> tuple[str, list[str]]:
    """(`x`, right-hand side) of an answer `x=...` or `f(x)=...` with one `=`; ("", parts) otherwise."""
    signs = [index for index, part in enumerate(parts) if part in _NAMING]
    if len(signs) != 1 or signs[0] + 1 == len(parts):
        return "", parts
    at = signs[0]
    left = joined(parts[:at])
    if parts[at] != "=":
        return (left, parts[at + 1 :]) if _VARIABLE.fullmatch(left) else ("", parts)
    if at + 2 == len(parts) and parts[-1].isalpha() and not any(_NAME_LIKE.fullmatch(part) for part in parts[:at]):
        return parts[-1], parts[:at]
    if _FUNCTION.fullmatch(left):
        return FUNCTION_NAME, parts[at + 1 :]
    return (left, parts[at + 1 :]) if NAME.fullmatch(left) else ("", parts)
