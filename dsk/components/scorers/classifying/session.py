"""An open reward model: texts in, scores out, in batches of a bounded number of tokens."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoModelForTokenClassification, AutoTokenizer
from transformers.utils import logging

from dsk.components.scorers.classifying.folder import is_hub_id
from dsk.components.scorers.classifying.labels import Head, head_of
from dsk.components.scorers.classifying.texts import Texts
from dsk.core.errors import ModelError, Notice
from dsk.core.model.policy import LOADING_ERRORS, first, pick_device
from dsk.core.types import Problem

if TYPE_CHECKING:
    from dsk.components.scorers.reward_model import RewardModel


class Classifier:
    """An open `reward_model`; safe to call from several threads."""

    def __init__(self, model: Any, texts: Texts, head: Head, context: int, batch_tokens: int) -> None:
        self.model, self.texts, self.head = model, texts, head
        self.context, self.batch_tokens = context, batch_tokens
        self._told = False

    def rate(self, items: Sequence[tuple[Problem, tuple[str, ...]]]) -> list[float | None]:
        """One score for each (problem, steps), in order; None for a text that the model's context cannot hold."""
        rows = [self.texts.encode(*item) for item in items]
        scores: list[float | None] = [None] * len(rows)
        lengths = {i: len(row) for i, row in enumerate(rows) if 0 < len(row) <= self.context}
        self._tell_of_long(rows)
        # one row at a time where rows cannot be padded
        bound = 0 if self.texts.tokenizer.pad_token_id is None else self.batch_tokens
        for batch in batches(lengths, bound):
            for index, score in zip(batch, self._scores([rows[i] for i in batch]), strict=True):
                scores[index] = score
        return scores

    def _scores(self, rows: Sequence[Sequence[int]]) -> list[float]:
        """Scores [B] of rows of token ids, padded on the right."""
        lengths, longest = [len(row) for row in rows], max(map(len, rows))
        pad, device = self.texts.tokenizer.pad_token_id, self.model.device
        ids = torch.tensor([[*row, *[pad] * (longest - len(row))] for row in rows], device=device)  # [B, T]
        seen = torch.arange(longest, device=device) < torch.tensor(lengths, device=device)[:, None]
        with torch.inference_mode():
            logits = self.model(input_ids=ids, attention_mask=seen.long()).logits.float()
        if self.head.per_token:
            logits = logits[range(len(rows)), [length - 1 for length in lengths]]
        return share_of_good(logits, self.head).tolist()

    def _tell_of_long(self, rows: Sequence[Sequence[int]]) -> None:
        longest = max(map(len, rows), default=0)
        if longest <= self.context or self._told:
            return
        self._told = True
        warnings.warn(
            f"scorer.path: a text of {longest} tokens is more than the reward model's context of {self.context}; such"
            " steps are not rated (their score is NaN)",
            Notice,
            stacklevel=2,
        )


def share_of_good(logits: torch.Tensor, head: Head) -> torch.Tensor:
    """Scores [B] in [0, 1] from logits [B, labels]."""
    if head.good is None:
        return logits[:, 0].sigmoid()
    return (logits.softmax(-1) if head.exclusive else logits.sigmoid())[:, head.good]


def batches(lengths: dict[int, int], batch_tokens: int) -> Iterator[list[int]]:
    """Keys of `lengths`, longest first, in batches whose padded size is at most `batch_tokens`, or of one key."""
    batch: list[int] = []
    for key in sorted(lengths, key=lambda k: -lengths[k]):
        if batch and (len(batch) + 1) * lengths[batch[0]] > batch_tokens:
            yield batch
            batch = []
        batch.append(key)
    if batch:
        yield batch


def load(spec: RewardModel) -> Classifier:
    """The model and its tokenizer. Raises ModelError in one line where they cannot be had or do not fit together."""
    logging.disable_progress_bar()
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        return _load(spec)
    except ModelError:
        raise
    except LOADING_ERRORS as error:
        where = "; it is no folder here, and the hub does not give it" if is_hub_id(spec.path) else ""
        told = f"scorer.path: cannot load '{spec.path}' as a classification model: {first(error)}{where}"
        raise ModelError(told) from error
    finally:
        logging.set_verbosity(verbosity)


def _load(spec: RewardModel) -> Classifier:
    path = spec.place
    config = AutoConfig.from_pretrained(path)
    head = head_of(config.to_dict(), spec.path, spec.label)
    tokenizer = AutoTokenizer.from_pretrained(path)
    if spec.style == "chat" and not tokenizer.chat_template:
        raise ModelError(f"scorer.style: the tokenizer of '{spec.path}' has no chat template; set it to 'plain'")
    auto: Any = AutoModelForTokenClassification if head.per_token else AutoModelForSequenceClassification
    model, info = auto.from_pretrained(path, dtype=getattr(torch, spec.dtype), output_loading_info=True)
    lost = sorted(info["missing_keys"])
    if lost:
        raise ModelError(
            f"scorer.path: the weights of '{spec.path}' lack {len(lost)} tensors that its config.json calls for"
            f" ({lost[0]}{', ...' if len(lost) > 1 else ''}), which would start as noise; get all files of one model"
        )
    if model.config.pad_token_id is None:
        model.config.pad_token_id = tokenizer.pad_token_id
    model.to(pick_device(spec.device, "scorer.device")).eval().requires_grad_(False)
    context = min(int(getattr(config, "max_position_embeddings", 1 << 30)), int(tokenizer.model_max_length))
    texts = Texts(tokenizer, spec.style == "chat", spec.separator, head.per_token)
    return Classifier(model, texts, head, context, spec.batch_tokens)
