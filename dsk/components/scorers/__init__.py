"""Who rates the steps of a tree while it grows."""

from dsk.components.scorers.arithmetic_steps import ArithmeticSteps
from dsk.components.scorers.command import CommandScorer
from dsk.components.scorers.none import NoScores
from dsk.components.scorers.reward_model import RewardModel
from dsk.components.scorers.value_head import ValueHeadScorer
from dsk.core.hookspecs import Register, hookimpl


@hookimpl
def register_scorers(register: Register) -> None:
    """The scorers that dsk brings."""
    for scorer in (NoScores, RewardModel, CommandScorer, ValueHeadScorer, ArithmeticSteps):
        register(scorer)
