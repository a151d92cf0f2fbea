"""A model folder's files, looked at without loading the model: what is missing, cut short, or does not fit together."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dsk.core.errors import ModelError

Shapes = dict[str, tuple[int, ...]]
"""Tensor name to shape, from the headers of safetensors files."""
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model", "sentencepiece.bpe.model")
EMBEDDINGS = ("embed_tokens.weight", "embed_in.weight", "wte.weight", "word_embeddings.weight")
_LENGTH = struct.Struct("<Q")


def model_faults(folder: Path, chat: bool) -> list[str]:
    """One line for each thing that would stop a run, `chat` where prompts need a chat template. Reads no weights."""
    try:
        config = read_object(folder / "config.json")
    except ModelError as error:
        return [str(error)]
    shapes, faults = read_shapes(folder)
    rows = next((shape[0] for name, shape in shapes.items() if name.endswith(EMBEDDINGS)), None)
    return [*faults, *_embedding(folder, rows, config), *_tokenizer(folder, rows or config.get("vocab_size"), chat)]


def read_object(file: Path) -> Mapping[str, Any]:
    """The file's JSON object. Raises ModelError naming the file."""
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"model.path: {file}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ModelError(f"model.path: {file}: not JSON: {error}") from None
    if not isinstance(data, dict):
        raise ModelError(f"model.path: {file}: a JSON {type(data).__name__}, not an object")
    return data


def read_shapes(folder: Path) -> tuple[Shapes, list[str]]:
    """Every tensor that the safetensors headers describe, and one line for each file that cannot be used."""
    try:
        files = _weight_files(folder)
    except ModelError as error:
        return {}, [str(error)]
    shapes: Shapes = {}
    faults: list[str] = []
    for file in files:
        try:
            shapes |= _header(file)
        except ModelError as error:
            faults.append(str(error))
    return shapes, faults


def _weight_files(folder: Path) -> list[Path]:
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if (folder / INDEX).is_file():
        names = read_object(folder / INDEX).get("weight_map")
        if not isinstance(names, dict):
            raise ModelError(f"model.path: {folder / INDEX}: has no 'weight_map'; get the file again")
        return [folder / str(name) for name in dict.fromkeys(names.values())]
    if any(folder.glob("pytorch_model*.bin")):
        return []  # no header that could be read without loading it
    raise ModelError(f"model.path: no weights in '{folder}' ({WEIGHTS} or {INDEX}); get them, or give another folder")


def _header(file: Path) -> Shapes:
    """The tensors of one file. Raises ModelError where the file is missing, or not as long as its header says."""
    if not file.is_file():
        raise ModelError(f"model.path: {file}: named in {INDEX}, not there; get the file")
    size = file.stat().st_size
    with file.open("rb") as stream:
        start = stream.read(_LENGTH.size)
        length = _LENGTH.unpack(start)[0] if len(start) == _LENGTH.size else size
        text = stream.read(length) if length < size else b""
    try:
        tensors: dict[str, Any] = json.loads(text)
        tensors.pop("__metadata__", None)
        ends = [int(tensor["data_offsets"][1]) for tensor in tensors.values()]
        shapes = {name: tuple(map(int, tensor["shape"])) for name, tensor in tensors.items()}
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        raise ModelError(f"model.path: {file}: cut short or not a safetensors file; get it again") from None
    expected = _LENGTH.size + length + max(ends, default=0)
    if size != expected:
        raise ModelError(
            f"model.path: {file}: its header describes {expected:,} bytes, {size:,} are there; get the file again"
        )
    return shapes


def _embedding(folder: Path, rows: int | None, config: Mapping[str, Any]) -> Iterator[str]:
    stated = config.get("vocab_size")
    if rows is not None and isinstance(stated, int) and rows != stated:
        yield (
            f"model.path: '{folder}': config.json says vocab_size {stated}, the embedding has {rows} rows;"
            " take both from one model"
        )


def _tokenizer(folder: Path, rows: object, chat: bool) -> Iterator[str]:
    if not any((folder / name).is_file() for name in TOKENIZERS):
        yield f"model.path: no tokenizer in '{folder}' (tokenizer.json); copy it from the model this one was made from"
        return
    try:
        settings = _optional(folder / "tokenizer_config.json")
        largest = _largest_id(_optional(folder / "tokenizer.json"))
    except ModelError as error:
        yield str(error)
        return
    if isinstance(rows, int) and largest >= rows:
        yield too_many_tokens(str(folder), largest, rows)
    if chat and not (settings.get("chat_template") or any(folder.glob("chat_template.*"))):
        yield no_chat_template(str(folder))


def _optional(file: Path) -> Mapping[str, Any]:
    return read_object(file) if file.is_file() else {}


def _largest_id(tokenizer: Mapping[str, Any]) -> int:
    """The largest id in a tokenizer.json, -1 where it names none."""
    model, added = tokenizer.get("model"), tokenizer.get("added_tokens")
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    ids: list[Any] = [len(vocabulary) - 1] if isinstance(vocabulary, list) else []
    ids += vocabulary.values() if isinstance(vocabulary, dict) else []
    ids += [token.get("id") for token in added if isinstance(token, dict)] if isinstance(added, list) else []
    return max((number for number in ids if isinstance(number, int)), default=-1)


def too_many_tokens(path: str, largest: int, rows: int) -> str:
    """The line for a tokenizer that is larger than the model's embedding."""
    return (
        f"model.path: the tokenizer of '{path}' has token ids up to {largest}, the embedding has {rows} rows;"
        " take the tokenizer that the model was trained with"
    )


def no_chat_template(path: str) -> str:
    """The line for a tokenizer that cannot lay out a chat."""
    return (
        f"model.path: the tokenizer of '{path}' has no chat template; set prompt.style to 'plain' and prompt.template"
        " to a text with {problem} in it, or use an instruction-tuned model"
    )


def no_eos(path: str) -> str:
    """The line for a tokenizer without an end-of-sequence token."""
    return (
        f"model.path: the tokenizer of '{path}' names no end-of-sequence token, so no response could end; set eos_token"
        " in its tokenizer_config.json"
    )
