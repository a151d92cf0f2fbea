"""How a reward changes the values on its path."""

from dsk.components.backups.constrained import Constrained
from dsk.components.backups.mean import Mean
from dsk.components.backups.simple import Simple
from dsk.core.hookspecs import Register, hookimpl


@hookimpl
def register_backups(register: Register) -> None:
    """The backups that dsk brings."""
    for backup in (Constrained, Mean, Simple):
        register(backup)
