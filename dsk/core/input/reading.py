"""JSON that people write, read strictly: nothing is taken that Python would mend, round or drop without a word."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from dsk.core.errors import SpecError
from dsk.core.input.faults import fault_lines, printable, shortened

DEEPEST = 100
"""Most objects and lists inside one another."""
LEAST_INTEGER, GREATEST_INTEGER = -(2**63), 2**64 - 1
_Place = tuple[str | int, ...]


@dataclass(frozen=True)
class _Refused:
    """Stands where the text has something that cannot be used, until the path to it is known."""

    fault: str


def read_json(path: str | Path) -> Any:
    """The file's JSON. Raises SpecError: unreadable, not JSON (line and column), or a value of no use (its path)."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:  # ValueError: not UTF-8, or no name for a file
        reason = getattr(error, "strerror", None) or str(error)
        raise SpecError(*fault_lines(str(path), [f"cannot be read: {reason}"])) from None
    return parse_json(text, str(path))


def parse_json(text: str, source: str) -> Any:
    """The text as JSON data; `source` begins every message. Raises SpecError as `read_json` does."""
    try:
        data = _decode(text)
    except json.JSONDecodeError as error:
        where = f"{printable(source)}:{error.lineno}:{error.colno}"
        raise SpecError(f"{where}: not JSON: {error.msg}") from None
    except RecursionError:
        raise SpecError(*fault_lines(source, [_too_deep()])) from None
    faults = list(_faults(data))
    if faults:
        raise SpecError(*fault_lines(source, faults))
    return data


def is_json(text: str) -> bool:
    """Whether the text is JSON at all, usable or not."""
    try:
        _decode(text)
    except json.JSONDecodeError:
        return False
    except RecursionError:
        return True
    return True


def _decode(text: str) -> Any:
    return json.loads(
        text, parse_int=_integer, parse_float=_number, parse_constant=_not_finite, object_pairs_hook=_object
    )


def _integer(text: str) -> int | _Refused:
    if len(text) <= len(str(LEAST_INTEGER)) and LEAST_INTEGER <= int(text) <= GREATEST_INTEGER:
        return int(text)
    return _Refused(f"an integer of {len(text.lstrip('-'))} digits; integers have at most 64 bits")


def _number(text: str) -> float | _Refused:
    value = float(text)
    return value if math.isfinite(value) else _not_finite(text)


def _not_finite(text: str) -> _Refused:
    return _Refused(f"{shortened(text)} is not a finite number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The pairs as a dict; a key that comes twice is refused, since the first value would be lost."""
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        found |= {name: _Refused(f"this key is there {n} times; keep one") for name, n in counts.items() if n > 1}
    return found


def _faults(data: Any) -> Iterator[str]:
    """`path: fault` for every value of no use, in the order of the text."""
    left: list[tuple[_Place, Any]] = [((), data)]
    while left:
        place, value = left.pop()
        fault = _fault(value, len(place))
        if fault:
            yield f"{'.'.join(map(shortened, map(str, place)))}: {fault}" if place else fault
        else:
            left += [((*place, name), part) for name, part in reversed(_parts(value))]


def _fault(value: Any, depth: int) -> str | None:
    if isinstance(value, _Refused):
        return value.fault
    if isinstance(value, dict | list) and depth >= DEEPEST:
        return _too_deep()
    texts = [value] if isinstance(value, str) else [name for name, _ in _parts(value)]
    if any("\ud800" <= character <= "\udfff" for text in texts for character in str(text)):
        return "half a character (a lone surrogate, from bytes that are not UTF-8); write it whole"
    return None


def _parts(value: Any) -> list[tuple[str | int, Any]]:
    if isinstance(value, dict):
        return list(cast("dict[str | int, Any]", value).items())
    return list(enumerate(cast("list[Any]", value))) if isinstance(value, list) else []


def _too_deep() -> str:
    return f"objects and lists are nested more than {DEEPEST} deep"
