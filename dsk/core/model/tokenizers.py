"""A tokenizer by itself, where texts are shown and no model is needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dsk.core.errors import ModelError
from dsk.core.model.source import locate_model

SHOWN = 200


def load_tokenizer(path: str) -> Any:
    """The tokenizer of `model.path`. Raises ModelError where it cannot be loaded."""
    from transformers import AutoTokenizer

    folder, extra = locate_model(path)
    try:
        return AutoTokenizer.from_pretrained(folder, **extra)
    except Exception as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(f"{path}: its tokenizer cannot be loaded ({first[:SHOWN]}); restore its files") from error


class Texts:
    """What token ids say, by the tokenizer of `model.path`. Raises ModelError where it cannot be loaded."""

    def __init__(self, path: str) -> None:
        self._tokenizer = load_tokenizer(path)

    def decode(self, tokens: np.ndarray) -> str:
        """Their text, special tokens left out."""
        return str(self._tokenizer.decode(tokens.tolist(), skip_special_tokens=True))

    def pieces(self, tokens: Sequence[int]) -> list[str]:
        """The text of each token by itself, special tokens empty."""
        return self._tokenizer.batch_decode([[int(token)] for token in tokens], skip_special_tokens=True)
