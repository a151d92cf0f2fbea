"""`BackupContract`: subclass it, say how to make your backup, and pytest checks what every backup promises."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dsk.core.roles import Backup
from dsk.testing.component import ComponentContract, quick
from dsk.testing.purity import LEAK_BYTES, global_randomness_untouched, in_threads, retained_bytes

TreePath = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Values, visits and decay of the nodes [D] of a path, root first."""
REWARDS = st.sampled_from([-1.0, 1.0]) | st.integers(-100, 100).map(lambda hundredths: hundredths / 100)
"""Of right and wrong answers, and graded ones."""
VALUES = st.floats(-100, 100)


@st.composite
def paths(draw: st.DrawFn) -> TreePath:
    """Paths as the search passes them; all arrays refuse writes."""
    length = draw(st.integers(1, 12))
    values = np.asarray(draw(st.lists(VALUES, min_size=length, max_size=length)))
    visits = np.asarray(draw(st.lists(st.integers(0, 1000), min_size=length, max_size=length)))
    decay = np.maximum(np.arange(1, length + 1) / length, draw(st.floats(0, 1)))
    for array in (values, visits, decay):
        array.flags.writeable = False
    return values, visits, decay


class BackupContract(ComponentContract):
    """What every backup promises. Override `make_backup`.

    Set `keeps_solved_positive` where a node that is once positive, by a reward above 0, must stay so (eqs. 3-5).
    """

    keeps_solved_positive: ClassVar[bool] = False

    @abstractmethod
    def make_backup(self) -> Backup:
        """The backup under test; each call gives an equal one."""

    def component(self) -> Backup:
        """The backup."""
        return self.make_backup()

    def update(self, path: TreePath, reward: float) -> np.ndarray:
        """New values of a path."""
        values, visits, decay = path
        return np.asarray(self.make_backup().update(values, visits, reward, decay))

    @given(path=paths(), reward=REWARDS)
    @quick
    def test_each_node_of_the_path_gets_one_finite_value(self, path: TreePath, reward: float) -> None:
        updated = self.update(path, reward)
        assert updated.shape == path[0].shape
        assert np.isfinite(updated.astype(np.float64)).all()

    @given(path=paths(), reward=REWARDS)
    @quick
    def test_its_arguments_and_global_randomness_are_left_alone(self, path: TreePath, reward: float) -> None:
        arrays = [array.copy() for array in path]
        with global_randomness_untouched():
            updated = self.make_backup().update(arrays[0], arrays[1], reward, arrays[2])
        assert all(np.array_equal(array, given) for array, given in zip(arrays, path, strict=True))
        assert not np.shares_memory(updated, arrays[0]), "return a new array; the search keeps the old one"

    @given(path=paths(), other=paths(), reward=REWARDS)
    @quick
    def test_a_value_depends_on_the_arguments_only(self, path: TreePath, other: TreePath, reward: float) -> None:
        backup = self.make_backup()
        first = backup.update(path[0], path[1], reward, path[2])
        backup.update(other[0], other[1], -reward, other[2])
        assert np.array_equal(first, backup.update(path[0], path[1], reward, path[2]))

    @given(path=paths(), rewards=st.tuples(REWARDS, REWARDS).map(sorted))
    @quick
    def test_a_greater_reward_never_leaves_a_lower_value(self, path: TreePath, rewards: list[float]) -> None:
        less, more = rewards
        assert (self.update(path, more) >= self.update(path, less)).all()

    @given(share=st.integers(1, 99))
    @quick
    def test_part_of_a_reward_moves_a_new_node_less_than_all_of_it(self, share: int) -> None:
        fresh = (np.zeros(1), np.zeros(1, int), np.ones(1))
        assert abs(self.update(fresh, share / 100)[0]) < abs(self.update(fresh, 1.0)[0])

    @given(path=paths())
    @quick
    def test_a_correct_answer_raises_the_value_of_its_own_node(self, path: TreePath) -> None:
        assert self.update(path, 1.0)[-1] > path[0][-1] or path[0][-1] > 50

    @given(rewards=st.lists(REWARDS, min_size=1, max_size=40))
    @quick
    def test_values_grow_no_faster_than_visits(self, rewards: list[float]) -> None:
        """So that `q / N` stays a mean that `tanh` and UCT can use; a bonus of up to 1 a visit is allowed."""
        values, visits = np.zeros(4), np.zeros(4, int)
        for reward in rewards:
            values = self.update((values, visits, np.asarray([0.25, 0.5, 0.75, 1.0])), reward)
            visits = visits + 1
            assert (np.abs(values) <= 2 * visits).all()

    @given(rewards=st.lists(REWARDS, min_size=1, max_size=40))
    @quick
    def test_a_solved_node_stays_positive(self, rewards: list[float]) -> None:
        values, visits, solved = np.zeros(4), np.zeros(4, int), False
        for reward in rewards:
            values = self.update((values, visits, np.asarray([0.25, 0.5, 0.75, 1.0])), reward)
            visits, solved = visits + 1, solved or reward > 0
            assert not (self.keeps_solved_positive and solved and (values <= 0).any())

    def test_threads_do_not_disturb_each_other(self) -> None:
        backup, decay = self.make_backup(), np.linspace(0.1, 1, 64)

        def updated(index: int) -> bytes:
            values = np.zeros(64)
            for step in range(50):
                values = backup.update(values, np.full(64, step), 1.0 if (step + index) % 3 else -1.0, decay)
            return np.asarray(values).tobytes()

        assert in_threads(updated) == [updated(index) for index in range(16)]

    def test_nothing_is_kept_of_the_paths_it_has_seen(self) -> None:
        backup = self.make_backup()
        assert retained_bytes(lambda n: backup.update(np.zeros(64), np.full(64, n), 1.0, np.ones(64))) < LEAK_BYTES
