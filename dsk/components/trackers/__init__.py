"""Where a run's records go besides events.jsonl."""

from dsk.components.trackers.tensorboard import TensorBoard
from dsk.components.trackers.trackio import Trackio
from dsk.components.trackers.wandb import Wandb
from dsk.core.hookspecs import Register, hookimpl


@hookimpl
def register_trackers(register: Register) -> None:
    """The trackers that dsk brings."""
    for tracker in (TensorBoard, Trackio, Wandb):
        register(tracker)
