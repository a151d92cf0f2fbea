"""The built-in rollouts run the suite that plugin authors run."""

from __future__ import annotations

from dsk.components.forks.uniform_step import UniformStep
from dsk.components.rollouts.adaptive import Adaptive
from dsk.components.rollouts.branch import Branch
from dsk.components.rollouts.cached import Cached
from dsk.components.rollouts.direct import Direct
from dsk.components.rollouts.levels import Levels
from dsk.components.rollouts.lockstep import Lockstep
from dsk.components.rollouts.prefix import Prefix
from dsk.components.rollouts.probed import Probed
from dsk.components.rollouts.tree import Tree
from dsk.testing import RolloutContract


class TestTree(RolloutContract):
    def make_rollout(self):
        return Tree(width=3, max_depth=4, step_tokens=5, trajectories=4, max_expansions=12)


class TestTreeByTexts(RolloutContract):
    def make_rollout(self):
        return Tree(width=3, max_depth=6, step_tokens=8, trajectories=6, boundary="text", record="all")


class TestTreePruned(RolloutContract):
    def make_rollout(self):
        return Tree(width=3, max_depth=5, step_tokens=5, trajectories=6, max_expansions=12, prune_below=0.5)


class TestDirect(RolloutContract):
    def make_rollout(self):
        return Direct(samples=4)


class TestCached(RolloutContract):
    def make_rollout(self):
        return Cached(samples=3)


class TestPrefix(RolloutContract):
    def make_rollout(self):
        return Prefix(rollout={"kind": "branch", "chains": 2})


class TestPrefixOfATree(TestPrefix):
    def make_rollout(self):
        return Prefix(rollout={"kind": "tree", "width": 3, "step_tokens": 5, "max_depth": 4, "trajectories": 3})


class TestPrefixOfFailures(RolloutContract):
    def make_rollout(self):
        return Prefix(inside="failures", pass_mark=0.5, rollout={"kind": "branch", "chains": 2})


class TestPrefixOfBoth(RolloutContract):
    def make_rollout(self):
        return Prefix(inside="both", rollout={"kind": "direct", "samples": 3})


class TestBranch(RolloutContract):
    def make_rollout(self):
        return Branch(chains=3, forks=2, continuations=2, rounds=2)


class TestBranchAtSteps(RolloutContract):
    def make_rollout(self):
        return Branch(chains=2, forks=3, continuations=1, rounds=2, fork=UniformStep(step_tokens=4))


class TestBranchNearOneHalf(RolloutContract):
    def make_rollout(self):
        return Branch(chains=2, forks=2, continuations=1, rounds=3, fork={"kind": "half"})


class TestBranchAtPivots(RolloutContract):
    def make_rollout(self):
        return Branch(chains=3, forks=1, continuations=3, rounds=2, fork={"kind": "pivot", "choose": "last"})


class TestProbed(RolloutContract):
    def make_rollout(self):
        return Probed(samples=3, probes=2)


class TestProbedAtUncertainTokens(RolloutContract):
    def make_rollout(self):
        return Probed(samples=3, probes=2, prompt=False, max_states=2, boundary={"kind": "uncertain", "interval": 2})


class TestLevels(RolloutContract):
    def make_rollout(self):
        return Levels(widths=(2, 3, 2), step_tokens=5)


class TestLockstep(RolloutContract):
    def make_rollout(self):
        return Lockstep(width=6, segment_tokens=4, depth=5)


class TestLockstepThatEndsLoops(RolloutContract):
    def make_rollout(self):
        return Lockstep(width=5, segment_tokens=8, depth=3, branching=3, repeat_characters=2, repeats=2)


class TestAdaptive(RolloutContract):
    def make_rollout(self):
        return Adaptive(samples=3, rounds=3)


class TestAdaptiveToTheEnd(RolloutContract):
    def make_rollout(self):
        return Adaptive(samples=2, rounds=3, until="never")
