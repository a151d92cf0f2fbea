"""Whether the rollouts of a spec know of their nodes what its advantage needs."""

from __future__ import annotations

from collections.abc import Iterator
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
    for place, outer in (("rollout", rollout), ("replay", replay)):
        depth_one = place == "replay" and advantage.needs == "tree"
        if outer is None or depth_one:
            continue
        inner = list(_samplers(outer))[-1]
        if inner.values not in ENOUGH[advantage.needs]:
            named = f"{place} '{outer.kind}'" + (f" of '{inner.kind}'" if inner is not outer else "")
            lack = f"needs {MEANT[advantage.needs]}, which {named} does not have"
            return f"advantage '{advantage.kind}' {lack}; {_remedy(advantage.needs, place, registry)}"
    return None


def _samplers(rollout: Rollout) -> Iterator[Rollout]:
    """The rollout, the one that it starts, and so on: the last one samples."""
    yield rollout
    for _, part in rollout:
        if isinstance(part, Rollout):
            yield from _samplers(part)


def _remedy(needs: str, place: str, registry: Registry) -> str:
    kinds = cast("list[type[Rollout]]", registry.classes("rollout"))
    own = [kind for kind in kinds if all(field.annotation is not Rollout for field in kind.model_fields.values())]
    apt = [k.kind for k in own if k.values in ENOUGH[needs] and (place == "replay" or not k.needs_solutions)]
    allowed = f"rollouts that do: {', '.join(apt)}" if apt else "no rollout that is installed does"
    return allowed + ("; or write null, and `rollout` serves solved problems too" if place == "replay" else "")
