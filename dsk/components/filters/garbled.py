"""`garbled`: names negatives that loop for ever or decode to noise (DeepSearch section 4.2)."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from dsk.core.roles import Filter


def repeated_share(tokens: Sequence[int], n: int) -> float:
    """Share of the n-grams of `tokens` [T] that have occurred earlier in it; 0 where T < n."""
    total = len(tokens) - n + 1
    if total <= 0:
        return 0.0
    return 1.0 - len(set(zip(*(tokens[i:] for i in range(n)), strict=False))) / total


def compression_ratio(text: str) -> float:
    """Bytes of `text` over bytes of it compressed (zlib, level 6); 1 for an empty text."""
    data = text.encode("utf-8", "surrogatepass")
    return len(data) / len(zlib.compress(data, 6)) if data else 1.0


def noise_share(text: str) -> float:
    """Share of characters that no reader would type: replacement, lone surrogate, control, private use."""
    return sum(map(_is_noise, text)) / len(text) if text else 0.0


def _is_noise(char: str) -> bool:
    code = ord(char)
    if code < 0xA0:
        return (code < 0x20 and char not in "\t\n\r\f") or code >= 0x7F
    return code == 0xFFFD or 0xD800 <= code <= 0xF8FF or code >= 0xF0000


class GarbledFilter(Filter):
    """Drops a sample that repeats itself (`looping`, `compressible`) or is not text (`garbled`).

    Samples shorter than `min_tokens` are judged for noise only: short text repeats by chance.
    """

    kind: ClassVar[str] = "garbled"
    ngram: int = Field(20, ge=1, le=1000, description="Length of the token n-grams that are counted.")
    max_repeated: float = Field(
        0.3, ge=0, le=1, description="Share of n-grams seen earlier in the sample above which it is `looping`."
    )
    max_compression: float = Field(
        8.0, ge=1, description="Bytes over zlib-compressed bytes above which a sample is `compressible`."
    )
    max_noise: float = Field(
        0.02, ge=0, le=1, description="Share of replacement and control characters above which it is `garbled`."
    )
    min_tokens: int = Field(64, ge=1, description="Tokens below which repetition is not judged.")

    def reason(self, tokens: Sequence[int], text: str) -> str | None:
        """`garbled`, `looping`, `compressible`, or None to keep the sample."""
        if noise_share(text) > self.max_noise:
            return "garbled"
        if len(tokens) < self.min_tokens:
            return None
        if repeated_share(tokens, self.ngram) > self.max_repeated:
            return "looping"
        return "compressible" if compression_ratio(text) > self.max_compression else None
