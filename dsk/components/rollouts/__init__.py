"""How a problem becomes a group of trajectories."""

from dsk.components.rollouts.adaptive import Adaptive
from dsk.components.rollouts.branch import Branch
from dsk.components.rollouts.cached import Cached
from dsk.components.rollouts.direct import Direct
from dsk.components.rollouts.levels import Levels
from dsk.components.rollouts.lockstep import Lockstep
from dsk.components.rollouts.prefix import Prefix
from dsk.components.rollouts.probed import Probed
from dsk.components.rollouts.tree import Tree
from dsk.core.hookspecs import Register, hookimpl


@hookimpl
def register_rollouts(register: Register) -> None:
    """The rollouts that dsk brings."""
    for rollout in (Adaptive, Branch, Cached, Direct, Levels, Lockstep, Prefix, Probed, Tree):
        register(rollout)
