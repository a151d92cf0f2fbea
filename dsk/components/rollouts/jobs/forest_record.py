"""A finished forest as the record that outlives it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from dsk.components.rollouts.jobs.forest import ROOT
from dsk.components.rollouts.jobs.forest_group import Harvest
from dsk.core.tree_record import TreeRecord
from dsk.core.types import StopReason


def forest_record(problem_id: str, harvest: Harvest, ended: Collection[int], wave_of: Sequence[int]) -> TreeRecord:
    """The forest's nodes, in the order of chains; all that nobody measured here is NaN or 0.

    `visits` are the verified ends at or below a node, `value` their mean reward. A request that brought chains is an
    expansion, which no selector scored. A probe is a verified end at the node that it starts from; its own tokens are
    left out. `ended` are the chains that end their response, `wave_of` [C] each chain's wave.
    """
    forest, nodes = harvest.forest, harvest.nodes
    order = _expanded(harvest, wave_of)
    below, judged = harvest.below, sorted(forest.verdicts.items())
    last = {nodes.last(chain): chain for chain in range(len(forest)) if not forest.probes[chain]}
    stops: list[StopReason] = [forest.stops[last[node]] if node in last else "length" for node in range(len(nodes))]
    logprobs = [np.zeros(len(forest.given)), *(forest.logprobs(c)[span] for c, span in nodes.origin[1:])]
    tokens = [np.array(forest.given, np.int32), *(forest.tokens(c)[span] for c, span in nodes.origin[1:])]
    terminal = {nodes.last(chain) for chain in ended if not forest.probes[chain]}
    return TreeRecord(
        problem_id=problem_id,
        parent=np.array(nodes.parent),
        token_ends=np.cumsum([len(own) for own in tokens]),
        tokens=np.concatenate(tokens),
        logprobs=np.concatenate(logprobs),
        visits=np.array([len(below.get(node, ())) for node in range(len(nodes))]),
        value=np.array([harvest.means.get(node, 0.0) for node in range(len(nodes))]),
        entropy=np.array([-own.mean() if len(own) else 0.0 for own in logprobs]),
        score=np.full(len(nodes), np.nan),
        terminal=np.array([node in terminal for node in range(len(nodes))]),
        stops=tuple(stops),
        order=np.array(order),
        choice_score=np.full(len(order), np.nan),
        among_siblings=np.zeros(len(order)),
        candidates=np.zeros(len(order)),
        verified=np.array([(ROOT, *end.path)[-1] for end in harvest.terminals]),
        rewards=np.array([end.reward for end in harvest.terminals]),
        correct=np.array([verdict.correct for _, verdict in judged]),
        answers=tuple(verdict.answer for _, verdict in judged),
    )


def _expanded(harvest: Harvest, wave_of: Sequence[int]) -> list[int]:
    """The nodes that requests started from, in the order of requests, probes left out."""
    forest = harvest.forest
    chains = [chain for chain in range(len(forest)) if not forest.probes[chain]]
    places = dict.fromkeys((wave_of[c], forest.parents[c], forest.starts[c]) for c in chains)
    return [harvest.nodes.at(parent, start) for _, parent, start in places]
