"""A problem as the text that the model is given: plain, or laid out by the tokenizer's chat template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dsk.core.errors import ModelError
from dsk.core.model.files import no_chat_template
from dsk.core.spec import PromptSpec
from dsk.core.types import Problem


def prompt_text(tokenizer: Any, problem: Problem, prompt: PromptSpec, path: str) -> str:
    """The whole prompt, before it is encoded. Raises ModelError, naming `path`, where it needs a chat template.

    In the plain style chat messages are their contents, a line each. In the chat style a text is the user's message,
    and a data set's own messages are taken as they are.
    """
    if prompt.style == "plain":
        asked = problem.prompt
        return prompt.around(asked if isinstance(asked, str) else "\n".join(m["content"] for m in asked))
    if not getattr(tokenizer, "chat_template", None):
        raise ModelError(no_chat_template(path))
    messages = _messages(problem, prompt)
    return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)


def _messages(problem: Problem, prompt: PromptSpec) -> list[Mapping[str, str]]:
    asked = problem.prompt
    messages: list[Mapping[str, str]]
    messages = [{"role": "user", "content": prompt.around(asked)}] if isinstance(asked, str) else list(asked)
    return messages if prompt.system is None else [{"role": "system", "content": prompt.system}, *messages]
