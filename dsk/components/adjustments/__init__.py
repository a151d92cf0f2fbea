"""Steps between advantage and loss, over the mini-batch of an update."""

from collections.abc import Callable

from dsk.components.adjustments.confident_mask import ConfidentMask
from dsk.components.adjustments.drop_zero import DropZero
from dsk.components.adjustments.streams import Streams
from dsk.components.adjustments.uncertain_share import UncertainShare
from dsk.components.adjustments.unfinished import Unfinished
from dsk.components.adjustments.whiten import Whiten
from dsk.core.hookspecs import hookimpl


@hookimpl
def register_adjustments(register: Callable[[type], None]) -> None:
    """Whitening, masks, row overrides and streams of the published methods."""
    for adjustment in (ConfidentMask, DropZero, Streams, UncertainShare, Unfinished, Whiten):
        register(adjustment)
