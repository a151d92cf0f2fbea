"""Backups that are wrong in one way each; `caught_by` is the property that must say so."""

from __future__ import annotations

import threading
from itertools import count
from typing import Any, ClassVar

import numpy as np

from dsk.core.roles import Backup
from dsk.testing import BackupContract

CALLS = count()
KEPT: list[Any] = []


class Sound(Backup):
    """`q + gamma r`: what each mistake below starts from."""

    kind: ClassVar[str] = "sound"

    def update(self, values, visits, reward, decay):
        return values + decay * reward


class BrokenBackup(BackupContract):
    backup: ClassVar[Backup]

    def make_backup(self):
        return self.backup


class TerminalOnly(Sound):
    """Returns the last node's value only."""

    def update(self, values, visits, reward, decay):
        return super().update(values, visits, reward, decay)[-1:]


class BreaksTheShape(BrokenBackup):
    caught_by = "test_each_node_of_the_path_gets_one_finite_value"
    backup = TerminalOnly()


class DividingByVisits(Sound):
    """A running mean that forgets that the first visit divides by 0."""

    def update(self, values, visits, reward, decay):
        with np.errstate(all="ignore"):
            return values + (reward - values) / visits


class BreaksFiniteness(BrokenBackup):
    caught_by = "test_each_node_of_the_path_gets_one_finite_value"
    backup = DividingByVisits()


class InPlace(Sound):
    """Adds to the search's own array."""

    def update(self, values, visits, reward, decay):
        values += decay * reward
        return values


class BreaksPurity(BrokenBackup):
    caught_by = "test_its_arguments_and_global_randomness_are_left_alone"
    backup = InPlace()


class Counting(Sound):
    """Depends on how often it was called."""

    def update(self, values, visits, reward, decay):
        return super().update(values, visits, reward, decay) + next(CALLS) * 1e-3


class BreaksDeterminism(BrokenBackup):
    caught_by = "test_a_value_depends_on_the_arguments_only"
    backup = Counting()


class Punishing(Sound):
    """The sign is turned around."""

    def update(self, values, visits, reward, decay):
        return values - decay * reward


class BreaksMonotonicity(BrokenBackup):
    caught_by = "test_a_greater_reward_never_leaves_a_lower_value"
    backup = Punishing()


class Signs(Sound):
    """Takes every reward for +1 or -1."""

    def update(self, values, visits, reward, decay):
        return values + decay * np.sign(reward)


class BreaksGradedRewards(BrokenBackup):
    caught_by = "test_part_of_a_reward_moves_a_new_node_less_than_all_of_it"
    backup = Signs()


class Distance(Sound):
    """Right at both ends, and turned around between 0 and 1."""

    def update(self, values, visits, reward, decay):
        return values + decay * (reward if reward in (-1.0, 0.0, 1.0) else -reward)


class BreaksTheOrderOfGradedRewards(BrokenBackup):
    caught_by = "test_a_greater_reward_never_leaves_a_lower_value"
    backup = Distance()


class Deaf(Sound):
    """A correct answer changes nothing."""

    def update(self, values, visits, reward, decay):
        return values + decay * min(reward, 0.0)


class BreaksReward(BrokenBackup):
    caught_by = "test_a_correct_answer_raises_the_value_of_its_own_node"
    backup = Deaf()


class Doubling(Sound):
    """Grows without bound."""

    def update(self, values, visits, reward, decay):
        return 2 * values + decay * reward


class BreaksBounds(BrokenBackup):
    caught_by = "test_values_grow_no_faster_than_visits"
    backup = Doubling()


class BreaksSolvedNodes(BrokenBackup):
    keeps_solved_positive = True
    caught_by = "test_a_solved_node_stays_positive"
    backup = Sound()


class MainThreadOnly(Sound):
    """Bound to one thread."""

    def update(self, values, visits, reward, decay):
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("main thread only")
        return super().update(values, visits, reward, decay)


class BreaksThreads(BrokenBackup):
    caught_by = "test_threads_do_not_disturb_each_other"
    backup = MainThreadOnly()


class Hoarding(Sound):
    """Keeps every path."""

    def update(self, values, visits, reward, decay):
        KEPT.append(values)
        return super().update(values, visits, reward, decay)


class BreaksMemory(BrokenBackup):
    caught_by = "test_nothing_is_kept_of_the_paths_it_has_seen"
    backup = Hoarding()
