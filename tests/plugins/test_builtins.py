"""The built-in components run the suites that plugin authors run."""

from __future__ import annotations

from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path

import pytest

from dsk.components.adjustments import ConfidentMask, DropZero, Streams, UncertainShare, Unfinished, Whiten
from dsk.components.backups.constrained import Constrained
from dsk.components.backups.mean import Mean
from dsk.components.backups.simple import Simple
from dsk.components.boundaries.length import Length
from dsk.components.boundaries.surprise import Surprise
from dsk.components.boundaries.text import Text
from dsk.components.boundaries.uncertain import Uncertain
from dsk.components.filters.garbled import GarbledFilter
from dsk.components.filters.none import NoFilter
from dsk.components.forks.half import HalfForks
from dsk.components.forks.pivot import Pivot
from dsk.components.forks.surprise import SurpriseForks
from dsk.components.forks.uniform_step import UniformStep
from dsk.components.negatives.least_confident import LeastConfident
from dsk.components.negatives.most_confident import MostConfident
from dsk.components.negatives.random import RandomNegative
from dsk.components.selectors.frontier import Frontier
from dsk.components.selectors.frontier_ucb import FrontierUcb
from dsk.components.selectors.puct import Puct
from dsk.components.selectors.random import Random
from dsk.components.selectors.uct import Uct
from dsk.components.subsets import AllTrajectories, Balanced, CorrectFirst, PerTree
from dsk.components.trackers.tensorboard import TensorBoard
from dsk.core.plugins.registry import load_registry
from dsk.testing import (
    AdjustmentContract,
    BackupContract,
    BoundaryContract,
    FilterContract,
    ForkRuleContract,
    NegativeContract,
    SelectorContract,
    SubsetContract,
    TrackerContract,
)


class TestFrontier(SelectorContract):
    depth_bonus = "sqrt"

    def make_selector(self):
        return Frontier(entropy_weight=0.4, depth_bonus=self.depth_bonus)


class TestFrontierWithLogarithm(TestFrontier):
    depth_bonus = "log"


class TestFrontierByScore(SelectorContract):
    def make_selector(self):
        return Frontier(score_weight=0.7)


class TestFrontierUcb(SelectorContract):
    def make_selector(self):
        return FrontierUcb(entropy_weight=0.4)


class TestPuct(SelectorContract):
    def make_selector(self):
        return Puct()


class TestRandom(SelectorContract):
    def make_selector(self):
        return Random()


class TestUct(SelectorContract):
    def make_selector(self):
        return Uct()


class TestConstrained(BackupContract):
    keeps_solved_positive = True

    def make_backup(self):
        return Constrained()


class TestSimple(BackupContract):
    def make_backup(self):
        return Simple()


class TestMean(BackupContract):
    def make_backup(self):
        return Mean()


class TestLength(BoundaryContract):
    def make_boundary(self):
        return Length()


class TestText(BoundaryContract):
    def make_boundary(self):
        return Text()


class TestSurprise(BoundaryContract):
    def make_boundary(self):
        return Surprise()


class TestUncertain(BoundaryContract):
    def make_boundary(self):
        return Uncertain(interval=2)


class TestTextOfTwoCharacters(BoundaryContract):
    def make_boundary(self):
        return Text(texts=("\n", ". "), shortest=2)


class TestSurpriseForks(ForkRuleContract):
    def make_fork(self):
        return SurpriseForks()


class TestHalfForks(ForkRuleContract):
    def make_fork(self):
        return HalfForks()


class TestHalfForksThatSettle(ForkRuleContract):
    def make_fork(self):
        return HalfForks(settled=2)


class TestPivot(ForkRuleContract):
    def make_fork(self):
        return Pivot(step_tokens=4)


class TestLastPivot(ForkRuleContract):
    def make_fork(self):
        return Pivot(choose="last", boundary={"kind": "uncertain", "interval": 2})


class TestUniformStep(ForkRuleContract):
    def make_fork(self):
        return UniformStep(step_tokens=4)


class TestMostConfident(NegativeContract):
    def make_negative(self):
        return MostConfident()


class TestLeastConfident(NegativeContract):
    def make_negative(self):
        return LeastConfident()


class TestRandomNegative(NegativeContract):
    def make_negative(self):
        return RandomNegative()


class TestWhiten(AdjustmentContract):
    def make_adjustment(self):
        return Whiten()


class TestWhitenPerStream(AdjustmentContract):
    def make_adjustment(self):
        return Whiten(count="rows", per="origin")


class TestConfidentMask(AdjustmentContract):
    def make_adjustment(self):
        return ConfidentMask()


class TestConfidentMaskInTheMean(AdjustmentContract):
    def make_adjustment(self):
        return ConfidentMask(leaves_denominator=False)


class TestDropZero(AdjustmentContract):
    def make_adjustment(self):
        return DropZero()


class TestDropZeroRows(AdjustmentContract):
    def make_adjustment(self):
        return DropZero(level="row")


class TestUncertainShare(AdjustmentContract):
    def make_adjustment(self):
        return UncertainShare()


class TestUnfinished(AdjustmentContract):
    def make_adjustment(self):
        return Unfinished()


class TestStreams(AdjustmentContract):
    def make_adjustment(self):
        return Streams(weights={"cached": 0.0, "direct": 0.5})


class TestStreamsOfRows(AdjustmentContract):
    def make_adjustment(self):
        return Streams(by="tree", over="rows")


class TestAllTrajectories(SubsetContract):
    def make_subset(self):
        return AllTrajectories()


class TestBalanced(SubsetContract):
    def make_subset(self):
        return Balanced()


class TestCorrectFirst(SubsetContract):
    def make_subset(self):
        return CorrectFirst(size=3)


class TestPerTree(SubsetContract):
    def make_subset(self):
        return PerTree(size=2)


class TestGarbled(FilterContract):
    dropped = (((5, 6, 7) * 500, "so we see that " * 500), ((1, 2), "\ufffd\ufffd"))

    def make_filter(self):
        return GarbledFilter()


class TestNoFilter(FilterContract):
    def make_filter(self):
        return NoFilter()


@pytest.mark.skipif(not find_spec("tensorboard"), reason="tensorboard is not installed")
class TestTensorBoard(TrackerContract):
    def make_tracker(self):
        return TensorBoard()

    def written(self, folder):
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        found = defaultdict(list)
        for file in sorted(Path(folder, "tensorboard").iterdir()):
            log = EventAccumulator(str(file)).Reload()
            for tag in log.Tags()["scalars"]:
                found[tag.removeprefix("step/")] += [event.value for event in log.Scalars(tag)]
        return dict(found)


@pytest.mark.parametrize("name", [f"{role}.{kind}" for role, kind in sorted(load_registry().entries)])
def test_every_field_and_every_component_is_described(name):
    role, kind = name.split(".")
    component = load_registry().get(role, kind)
    assert (component.__doc__ or "").strip()
    assert [field for field, info in component.model_fields.items() if not info.description] == []
