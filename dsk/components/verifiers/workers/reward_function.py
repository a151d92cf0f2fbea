"""A plain Python function that says how good a response is: imported, called, and what it returns made a number.

`python -m dsk.components.verifiers.workers.reward_function FOLDER MODULE:FUNCTION` imports it in a process of its own
and prints JSON: null, or what is wrong with it. So a module that hangs, ends its process or prints does so elsewhere.
"""

from __future__ import annotations

import importlib
import inspect
import json
import numbers
import os
import pkgutil
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from dsk.core.component import did_you_mean
from dsk.core.workers.worker import Answer

GIVEN = ("prompt", "completion", "answer")
"""What every function may take by name, besides the problem's columns."""
SHOWN = 100
Function = Callable[..., Any]


class UnusableFunctionError(Exception):
    """Why a function cannot be used, on one line."""


def prepare(reward: str, folder: str) -> Answer:
    """What a worker of `function` does."""
    return partial(answer, load_function(reward, folder))


def load_function(reward: str, folder: str) -> Function:
    """The function that `module:function` names; `folder` comes before installed modules.

    Raises UnusableFunctionError.
    """
    name, _, attribute = reward.partition(":")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    module = _import(name, folder)
    place = f"'{name}' ({getattr(module, '__file__', None) or 'built-in'})"
    names = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
    if attribute not in vars(module):
        raise UnusableFunctionError(f"{place} has no function '{attribute}'{did_you_mean(attribute, names)}")
    function = getattr(module, attribute)
    fault = _unusable(function)
    if fault:
        raise UnusableFunctionError(
            f"'{attribute}' of {place} {fault}; write {attribute}({', '.join(GIVEN)}, **columns)"
        )
    return function


def _import(name: str, folder: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or name
        if name != missing and not name.startswith(f"{missing}."):
            raise UnusableFunctionError(f"importing '{name}' {_raised(error)}") from error
        near = did_you_mean(missing, list(_siblings(missing, folder)))
        raise UnusableFunctionError(f"no module '{missing}' in {folder} or among the installed ones{near}") from error
    except (Exception, SystemExit) as error:  # a module may raise anything; the user is told what
        raise UnusableFunctionError(f"importing '{name}' {_raised(error)}") from error


def _siblings(missing: str, folder: str) -> Iterator[str]:
    """Full names of the modules beside one that is not there."""
    parent, dot, _ = missing.rpartition(".")
    places = list(getattr(sys.modules[parent], "__path__", ())) if dot else [folder]
    return (f"{parent}{dot}{found.name}" for found in pkgutil.iter_modules(places))


def _unusable(function: object) -> str | None:
    """Why something cannot be called by the names of `GIVEN` and of columns."""
    if not callable(function):
        return f"is no function: {shown(function)}"
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return "is asynchronous"
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return "does not say what it takes"
    needed = (p.name for p in parameters.values() if p.kind is p.POSITIONAL_ONLY and p.default is p.empty)
    unnamed = next(needed, None)
    return None if unnamed is None else f"takes '{unnamed}' by its position only"


def answer(function: Function, task: dict[str, Any]) -> dict[str, Any]:
    """A worker's reply to `{"prompt", "completion", "answer", "columns", "range"}`, the range being low and high.

    `{"score": number}`, or `{"raised": text}`, `{"returned": text}` and `{"reason": "memory"}` where there is none.
    """
    try:
        known = {**task["columns"], **{name: task[name] for name in GIVEN}}
        batched = takes_batches(function)
        arguments, lacking = arguments_of(function, _batch(known) if batched else known)
        if lacking:
            columns = ", ".join(task["columns"]) or "none"
            return {"raised": f"needs '{lacking[0]}', which the problem has no column for (its columns: {columns})"}
        found = function(**arguments)
        if batched and not (isinstance(found, Sequence) and len(found) == 1):
            return {"returned": f"{shown(found)} for one completion"}
        return _reply(found[0] if batched else found, *task["range"])
    except MemoryError:
        return {"reason": "memory", "last": True}
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a user's function may raise anything; the run says what
        return {"raised": _raised(error)}


def takes_batches(function: Function) -> bool:
    """Whether it has the signature of TRL's `reward_funcs`: lists of prompts, completions and each column."""
    return "completions" in inspect.signature(function).parameters


def _batch(known: Mapping[str, Any]) -> dict[str, Any]:
    """One response as TRL hands over a batch; to a prompt of chat messages the completion is a message too."""
    prompt, completion = known["prompt"], known["completion"]
    said = completion if isinstance(prompt, str) else [{"role": "assistant", "content": completion}]
    columns = {name: [value] for name, value in known.items() if name not in ("prompt", "completion")}
    return {**columns, "prompts": [prompt], "completions": [said]}


def arguments_of(function: Function, known: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What of `known` the function takes by name, and the names that it needs and are not there."""
    parameters = inspect.signature(function).parameters.values()
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    lacking = [p.name for p in named if p.name not in known and p.default is p.empty]
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return dict(known), lacking
    return {p.name: known[p.name] for p in named if p.name in known}, lacking


def _reply(value: Any, low: float, high: float) -> dict[str, Any]:
    if isinstance(value, numbers.Real) and low <= value <= high:  # pyright: ignore[reportOperatorIssue]
        return {"score": (float(value) - low) / (high - low)}
    return {"returned": shown(value)}


def shown(value: object) -> str:
    """A value and its type on one short line."""
    return f"{_line(repr(value))} ({type(value).__name__})"


def _raised(error: BaseException) -> str:
    """`raised ValueError: text (file, line 3)`, the place being the innermost in the user's own file."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not _ours(f.filename)]
    own = [f for f in frames if f.filename == frames[0].filename]
    place = f" ({os.path.basename(own[-1].filename)}, line {own[-1].lineno})" if own else ""
    return f"raised {type(error).__name__}: {_line(str(error))}{place}"


def _ours(file: str) -> bool:
    return file == __file__ or file == importlib.__file__ or file.startswith("<frozen")


def _line(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def main() -> None:
    """What is wrong with the function that the arguments name, as JSON on the standard output that was there."""
    told = os.dup(1)
    os.dup2(2, 1)
    try:
        load_function(sys.argv[2], sys.argv[1])
        fault = None
    except UnusableFunctionError as error:
        fault = str(error)
    os.write(told, json.dumps(fault).encode())
    os._exit(0)  # whatever threads the module has started


if __name__ == "__main__":
    main()
