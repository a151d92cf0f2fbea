"""A kept tree as the JSON that the viewer draws (`web/src/tree/data.ts`)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from dsk.core.tree_record import TreeRecord
from dsk.core.types import Problem
from dsk.treeview.replay import Asked, Choice, Moment, replay
from dsk.treeview.rules import Rules
from dsk.treeview.trained import Trained

DIGITS = 7
SHOWN = 200
"""Candidates of a choice that are written where all of them are scored anew each time; the best."""
UCT = "Q(s) + lambda sqrt(ln N(parent) / N(s))"
DRAWN = (
    "draws random numbers: its scores cannot be had again, and only the chosen node's, which the search kept, is shown"
)
DIFFERS = "gives other scores here than the search recorded, so only the recorded one is shown"
WAVES = "no selector chose here: the steps are in the order in which they were asked for"
NO_RULES = "the rules of this search are not known here: only the scores that it recorded are shown"


def tree_data(
    record: TreeRecord,
    problem: Problem,
    decode: Callable[[np.ndarray], str],
    rules: Rules | None = None,
    *,
    title: str = "",
    trained: Trained | None = None,
    pieces: Callable[[Sequence[int]], list[str]] | None = None,
) -> dict[str, Any]:
    """Everything the viewer shows of a tree, as JSON has it; NaN is null.

    `decode` makes text of token ids, `pieces` the text of each (for selectors that read texts). Without `rules` there
    are no candidates' scores, and visits and values are those of the finished tree throughout.
    """
    grown = _grown_in_order(record)
    rules = rules if grown else None
    moments = [] if rules is None else list(replay(record, rules, pieces))
    return {
        "title": title,
        "problem": {"id": problem.id, "prompt": prompt_text(problem), "answer": problem.answer},
        "nodes": _nodes(record, decode),
        "ends": list(_ends(record)),
        "rules": None if rules is None else _rules(rules, moments),
        "choices": list(_choices(record, rules, moments)),
        "numbers": [_numbers(moment) for moment in moments],
        "trained": None if trained is None else _trained(trained),
        "note": _note(rules, moments) if grown else WAVES,
    }


def prompt_text(problem: Problem) -> str:
    """The prompt, of several messages their contents."""
    if isinstance(problem.prompt, str):
        return problem.prompt
    return "\n\n".join(message["content"] for message in problem.prompt)


def _nodes(record: TreeRecord, decode: Callable[[np.ndarray], str]) -> dict[str, Any]:
    return {
        "parent": record.parent.tolist(),
        "text": [decode(record.step_tokens(node)) for node in range(len(record.parent))],
        "tokens": np.diff(record.token_ends, prepend=0).tolist(),
        "created": _created(record),
        "visits": record.visits.tolist(),
        "value": short(record.value if _grown_in_order(record) else record.value * record.visits),
        "entropy": short(record.entropy),
        "score": short(record.score),
        "terminal": record.terminal.astype(int).tolist(),
        "stop": list(record.stops),
    }


def _grown_in_order(record: TreeRecord) -> bool:
    """Whether each expansion made all children of its node, as in a tree with a selector; in a forest it does not."""
    parents = record.parent[1:].tolist()
    grown, chosen = [parent for parent, _ in groupby(parents)], set(parents)
    return bool((record.candidates > 0).all()) and grown == [n for n in record.order.tolist() if n in chosen]


def _created(record: TreeRecord) -> list[int]:
    """After how many expansions each node was there [N].

    In a forest a step that goes on in its chain came with the step before it.
    """
    expanded = {node: number for number, node in enumerate(record.order.tolist(), 1)}
    in_order, created = _grown_in_order(record), [0]
    for node, parent in enumerate(record.parent.tolist()[1:], 1):
        goes_on = parent not in expanded or (not in_order and 0 < parent == node - 1)
        created.append(created[parent] if goes_on else max(created[parent], expanded[parent]))
    return created


def _ends(record: TreeRecord) -> Iterator[dict[str, Any]]:
    """The verified ends, a probe's where it began; `entropy` is the mean of -log p over all sampled tokens."""
    surprise, sampled = _along_paths(record)
    columns = zip(record.verified.tolist(), record.rewards, record.correct, record.answers, strict=True)
    for node, reward, correct, answer in columns:
        yield {
            "node": node,
            "reward": float(reward),
            "correct": bool(correct),
            "answer": answer,
            "recorded": bool(record.visits[node]),
            "probe": not record.terminal[node],
            "entropy": float(surprise[node] / max(sampled[node], 1)),
        }


def _along_paths(record: TreeRecord) -> tuple[np.ndarray, np.ndarray]:
    """Sums of -log p and tokens from below the root to each node [N]."""
    sums = np.concatenate([[0.0], np.cumsum(-record.logprobs)])[record.token_ends]
    surprise, sampled = np.diff(sums, prepend=0.0), np.diff(record.token_ends, prepend=0)
    surprise[0], sampled[0] = 0.0, 0
    for node, parent in enumerate(record.parent.tolist()[1:], 1):
        surprise[node] += surprise[parent]
        sampled[node] += sampled[parent]
    return surprise, sampled


def _rules(rules: Rules, moments: Sequence[Moment]) -> dict[str, Any]:
    """Kind, formula and terms of each way to choose that occurs."""
    selector = rules.selector
    formula = inspect.cleandoc(type(selector).__doc__ or "").split("\n\n")[0].replace("\n", " ").replace("`", "")
    by_selector = {"name": selector.kind, "formula": formula}
    says = {"siblings": {"name": "uct", "formula": UCT}, "frontier": by_selector, "descent": by_selector}
    terms = {m.choice.how: list(m.choice.asked[-1].terms) for m in moments if m.choice and m.choice.asked}
    return {
        "selector": selector.kind,
        "backup": rules.backup.kind,
        "how": {how: says[how] | {"terms": names} for how, names in terms.items()},
    }


def _choices(record: TreeRecord, rules: Rules | None, moments: Sequence[Moment]) -> Iterator[dict[str, Any]]:
    listed = rules is not None and rules.selector.scope == "global"
    known: dict[str, np.ndarray] = {}
    for number, node in enumerate(record.order.tolist()):
        row = {"node": node, "score": float(record.choice_score[number]), "among": int(record.candidates[number])}
        choice = moments[number].choice if moments else None
        if choice is not None:
            row["how"] = choice.how
            row |= _scored(choice, listed, known)
        yield row


def _scored(choice: Choice, listed: bool, known: dict[str, np.ndarray]) -> dict[str, Any]:
    """The candidates' terms: of a frontier whose scores last, those that changed (`known` has the others)."""
    if not choice.asked:
        return {}
    if choice.how != "frontier" or listed:
        return {"levels": [_level(asked, choice.node) for asked in choice.asked]}
    (asked,) = choice.asked
    changed = np.zeros(len(asked.nodes), np.bool_)
    for name, term in asked.terms.items():
        before = _reaching(known.get(name), int(asked.nodes.max()) + 1)
        changed |= before[asked.nodes] != term
        before[asked.nodes] = term
        known[name] = before
    return {"scored": _rows(asked, np.flatnonzero(changed))}


def _reaching(column: np.ndarray | None, size: int) -> np.ndarray:
    """The column, with NaN for nodes that it does not reach."""
    column = np.zeros(0) if column is None else column
    return np.append(column, np.full(max(0, size - len(column)), np.nan))


def _level(asked: Asked, chosen: int) -> list[list[float]]:
    best = np.argsort(-asked.scores, kind="stable")[:SHOWN].tolist()
    missing = [place for place in np.flatnonzero(asked.nodes == chosen).tolist() if place not in best]
    return _rows(asked, np.asarray([*best, *missing], np.int64))


def _rows(asked: Asked, places: np.ndarray) -> list[list[float]]:
    """Some of the candidates, each as its node and its terms."""
    columns = [short(term[places]) for term in asked.terms.values()]
    return [[node, *terms] for node, *terms in zip(asked.nodes[places].tolist(), *columns, strict=True)]


def _numbers(moment: Moment) -> list[list[float]]:
    return [moment.changed.tolist(), moment.visits.tolist(), short(moment.value)]


def _trained(trained: Trained) -> dict[str, Any]:
    return {
        "advantage": short(trained.advantage),
        "trajectories": trained.trajectories.tolist(),
        "note": trained.note,
    }


def _note(rules: Rules | None, moments: Sequence[Moment]) -> str:
    if rules is None:
        return NO_RULES
    choices = [moment.choice for moment in moments if moment.choice]
    says = [DRAWN] if any(c.drawn for c in choices) else []
    says += [DIFFERS] if any(c.differs for c in choices) else []
    return "; ".join(f"{rules.selector.kind} {text}" for text in says)


def short(numbers: np.ndarray) -> list[float]:
    """Floats of seven digits, as many as anybody reads; -0 is 0."""
    return [float(f"{number:.{DIGITS}g}") + 0.0 for number in np.asarray(numbers, np.float64).tolist()]
