"""A problem and steps as the token ids that a reward model reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dsk.core.types import Problem


@dataclass(frozen=True)
class Texts:
    """The prompt, as plain text or as a chat, then each step with `separator` after it.

    A model that rates tokens is given prompt, steps and separators encoded one by one after the token that begins a
    text, so that the last id belongs to the last step or its separator, and what earlier steps are encoded to does not
    depend on later ones (TRL's PRMTrainer does the same). Any other gets the text as its tokenizer makes inputs, which
    in a chat is the conversation with the answer ended.
    """

    tokenizer: Any
    chat: bool
    separator: str
    per_token: bool

    def encode(self, problem: Problem, steps: Sequence[str]) -> list[int]:
        """Token ids [T]."""
        answer = [_encodable(step) + self.separator for step in steps]
        return self._piecewise(problem, answer) if self.per_token else self._whole(problem, "".join(answer))

    def _piecewise(self, problem: Problem, answer: Sequence[str]) -> list[int]:
        # step and separator apart: together they might be merged into other tokens
        cut = [part for step in answer for part in self._parts(step)]
        start = [] if self.chat else self._start()
        return start + [token for text in (self._prompt(problem), *cut) for token in self._ids(text)]

    def _parts(self, step: str) -> tuple[str, str]:
        end = len(step) - len(self.separator)
        return step[:end], step[end:]

    def _start(self) -> list[int]:
        first = self.tokenizer.bos_token_id
        first = self.tokenizer.cls_token_id if first is None else first
        return [] if first is None else [first]

    def _whole(self, problem: Problem, answer: str) -> list[int]:
        if not self.chat:
            return self.tokenizer.encode(self._prompt(problem) + answer)
        return self._ids(self._laid_out([*messages(problem), {"role": "assistant", "content": answer}], False))

    def _prompt(self, problem: Problem) -> str:
        if self.chat:
            return self._laid_out(messages(problem), True)
        return "\n".join(message["content"] for message in messages(problem))

    def _laid_out(self, conversation: Sequence[Mapping[str, str]], begun: bool) -> str:
        return self.tokenizer.apply_chat_template(conversation, tokenize=False, add_generation_prompt=begun)

    def _ids(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False) if text else []


def messages(problem: Problem) -> list[Mapping[str, str]]:
    """The problem as a conversation that awaits its answer."""
    told = [{"role": "user", "content": problem.prompt}] if isinstance(problem.prompt, str) else problem.prompt
    return [{**message, "content": _encodable(message["content"])} for message in told]


def _encodable(text: str) -> str:
    """The text with lone surrogates, which no tokenizer takes, as question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")
