"""Whether the rollouts of a spec know of their nodes what its advantage needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from dsk.core.roles import Advantage, Rollout

if TYPE_CHECKING:
    from dsk.core.plugins.registry import Registry

ENOUGH = {"none": ("none", "tree", "probes"), "tree": ("tree", "probes"), "probes": ("probes",)}
"""What a rollout's `values` may be for an advantage that needs this."""
MEANT = {"tree": "responses that share nodes", "probes": "probes (fresh responses that value a state)"}


def unmet_need(advantage: Advantage, rollout: Rollout | None, replay: Rollout | None, registry: Registry) -> str | None:
    """One line on the first rollout that lacks what the advantage needs; None where none does.

    Whole responses in `replay` are a tree of depth one, so that only `rollout` has to grow trees; but a replayed group
    without probes would teach nothing, and nobody would notice.
    """
    for place, used in (("rollout", rollout), ("replay", replay)):
        depth_one = place == "replay" and advantage.needs == "tree"
        if used is not None and not depth_one and used.values not in ENOUGH[advantage.needs]:
            lack = f"needs {MEANT[advantage.needs]}, which {place} '{used.kind}' does not have"
            return f"advantage '{advantage.kind}' {lack}; {_remedy(advantage.needs, place, registry)}"
    return None


def _remedy(needs: str, place: str, registry: Registry) -> str:
    kinds = cast("list[type[Rollout]]", registry.classes("rollout"))
    apt = [
        kind.kind for kind in kinds if kind.values in ENOUGH[needs] and (place == "replay" or not kind.needs_solutions)
    ]
    allowed = f"rollouts that do: {', '.join(apt)}" if apt else "no rollout that is installed does"
    return allowed + ("; or write null, and `rollout` serves solved problems too" if place == "replay" else "")
