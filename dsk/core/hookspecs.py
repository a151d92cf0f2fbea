"""The plugin surface: one hook per role. A plugin implements the ones it needs.

import dsk

@dsk.hookimpl
def register_selectors(register):
    register(MySelector)
"""

from __future__ import annotations

from collections.abc import Callable

import pluggy

hookspec: pluggy.HookspecMarker = pluggy.HookspecMarker("dsk")
hookimpl: pluggy.HookimplMarker = pluggy.HookimplMarker("dsk")

Register = Callable[[type], None]


@hookspec
def register_rollouts(register: Register) -> None:
    """Call `register(cls)` for each Rollout: how a problem becomes a group of trajectories."""


@hookspec
def register_selectors(register: Register) -> None:
    """Call `register(cls)` for each Selector: which node a tree expands next."""


@hookspec
def register_boundaries(register: Register) -> None:
    """Call `register(cls)` for each Boundary: where a step ends and the tree may branch."""


@hookspec
def register_forks(register: Register) -> None:
    """Call `register(cls)` for each ForkRule: where whole responses are forked."""


@hookspec
def register_backups(register: Register) -> None:
    """Call `register(cls)` for each Backup: how a reward changes the values on its path."""


@hookspec
def register_negatives(register: Register) -> None:
    """Call `register(cls)` for each Negative: which wrong answer of an expansion is learnt from."""


@hookspec
def register_subsets(register: Register) -> None:
    """Call `register(cls)` for each Subset: which trajectories of a group are trained."""


@hookspec
def register_advantages(register: Register) -> None:
    """Call `register(cls)` for each Advantage: a finished group's credit for each node."""


@hookspec
def register_adjustments(register: Register) -> None:
    """Call `register(cls)` for each Adjustment: a step between advantage and loss, over a whole mini-batch."""


@hookspec
def register_losses(register: Register) -> None:
    """Call `register(cls)` for each Loss: log-probabilities and advantages to a scalar."""


@hookspec
def register_verifiers(register: Register) -> None:
    """Call `register(cls)` for each Verifier: is this response right?"""


@hookspec
def register_scorers(register: Register) -> None:
    """Call `register(cls)` for each Scorer: how good is a step of a tree that is growing?"""


@hookspec
def register_filters(register: Register) -> None:
    """Call `register(cls)` for each Filter: which negatives are too garbled to learn from."""


@hookspec
def register_caches(register: Register) -> None:
    """Call `register(cls)` for each Cache: verified solutions kept between rounds."""


@hookspec
def register_engines(register: Register) -> None:
    """Call `register(cls)` for each Engine: tokens from the policy."""


@hookspec
def register_tasks(register: Register) -> None:
    """Call `register(cls)` for each Task: problems, by split."""


@hookspec
def register_trackers(register: Register) -> None:
    """Call `register(cls)` for each Tracker: where a run's records also go."""
