"""A credit that needs what a rollout does not know is refused in one line, in either slot.

1. Credit from probes: both slots must take them; the line names rollouts that do.
2. Credit from a tree: `rollout` must grow one; whole responses in `replay` are a tree of depth one.
3. A rollout that starts another has what that one has.
4. Credit that needs nothing goes with every rollout.
"""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from dsk.components.rollouts.cached import Cached
from dsk.components.rollouts.direct import Direct
from dsk.core.errors import SpecError
from dsk.core.loading import parse_spec
from dsk.core.plugins.registry import Registry, load_registry


class Probing(Direct):
    """Direct responses with probes, for this test."""

    kind: ClassVar[str] = "probing"
    values: ClassVar[str] = "probes"


class ProbingReplay(Cached):
    """Cached solutions with probes, for this test."""

    kind: ClassVar[str] = "probing_replay"
    values: ClassVar[str] = "probes"


def registry(*rollouts: type) -> Registry:
    """What is built in, but of rollouts with probes only the given ones."""
    known = load_registry().entries
    built_in = {key: entry for key, entry in known.items() if getattr(entry.component, "values", None) != "probes"}
    made = Registry(built_in)
    for rollout in rollouts:
        made.add("rollout", rollout, "here", "1")
    return made


def fault(advantage: str, with_: Registry | None = None, **slots: Any) -> str:
    """The faults of a spec, or nothing."""
    named = {"name": "x", "model": {"path": "bundled:tiny-reasoner"}, "task": {"kind": "arithmetic"}}
    try:
        parse_spec({**named, "train": {"advantage": advantage}, **slots}, registry=with_ or registry(Probing))
    except SpecError as error:
        return str(error)
    return ""


def test_credit_from_probes_is_refused_where_the_rollout_takes_none():
    found = fault("probed", rollout="direct", replay=None)
    assert found == (
        "spec: train: advantage 'probed' needs probes (fresh responses that value a state), which rollout 'direct' does"
        ' not have; rollouts that do: probing (found {"advantage": "probed"})'
    )


def test_where_no_rollout_takes_probes_the_line_says_so():
    found = fault("probed", registry(), rollout="tree", replay=None)
    assert "which rollout 'tree' does not have; no rollout that is installed does (found" in found


def test_credit_from_probes_is_refused_in_replay_too_with_the_way_out():
    found = fault("probed", registry(Probing, ProbingReplay), rollout="probing")
    assert "which replay 'cached' does not have; rollouts that do: probing, probing_replay; or write null" in found
    assert "\n" not in found


def test_a_rollout_that_serves_replay_only_is_not_offered_for_the_others():
    found = fault("probed", registry(Probing, ProbingReplay), rollout="direct")
    assert "rollouts that do: probing (found" in found


def test_credit_from_probes_is_taken_where_both_slots_have_them():
    assert fault("probed", rollout="probing", replay=None) == ""
    assert fault("probed", rollout="probing", replay="probing") == ""


@pytest.mark.parametrize("advantage", ["tree_rl", "tree_group", "subgroup"])
def test_credit_from_a_tree_is_refused_for_whole_responses_only(advantage):
    assert "needs responses that share nodes, which rollout 'direct' does not have" in fault(
        advantage, rollout="direct"
    )
    assert fault(advantage, rollout="tree") == fault(advantage, rollout="probing") == ""


def test_a_rollout_that_starts_another_has_what_that_one_has():
    prefix = {"kind": "prefix", "rollout": {"kind": "direct"}}
    assert "which rollout 'prefix' of 'direct' does not have; rollouts that do: branch" in fault(
        "tree_rl", rollout=prefix
    )
    assert "rollouts that do: probing (found" in fault("probed", rollout=prefix, replay=None)
    prefix = {"kind": "prefix", "rollout": {"kind": "probing"}}
    assert fault("probed", rollout=prefix, replay=prefix) == fault("tree_rl", rollout=prefix) == ""


@pytest.mark.parametrize("advantage", ["node", "outcome", "monte_carlo"])
@pytest.mark.parametrize("rollout", ["direct", "tree", "probing"])
def test_credit_that_needs_nothing_goes_with_every_rollout(advantage, rollout):
    assert fault(advantage, rollout=rollout) == ""
