"""Seeds are added until the paired intervals are narrow enough; what that costs and what it misses is said."""

import random

import pytest
from run_folders import steady
from scripted_study import Scripted, conducted, study_of

from dsk.compare.conduct import Conductor
from dsk.compare.table import make_grid
from dsk.core.errors import InterruptedRun, SpecError

ARMS = {"a": {}, "b": {"rollout.width": 2}}


def spread(deviation, gain=0.0):
    """Runs whose seeds' means differ by chance; arm b gains on arm a."""

    def curve(run):
        level = 0.5 + random.Random(f"{run.arm}/{run.seed}").gauss(0.0, deviation) + gain * (run.arm == "b")
        return lambda problem, tokens: min(max(level * tokens / 1000, 0.0), 1.0)

    return curve


def half_width(found):
    return found.rows[1].differences["pass_at_1"].half_width


def seeds_of(found):
    return found.rows[1].seeds


def test_seeds_are_added_until_the_interval_is_narrow_enough(tmp_path):
    study = study_of(arms=ARMS, seeds=[0, 1, 2, 3, 4], resolution=8)
    found = conducted(study, tmp_path, Scripted(spread(0.08))).comparison
    assert found.resolution.reached
    assert half_width(found) <= 0.08
    assert 5 < len(seeds_of(found)) < 40
    assert seeds_of(found) == tuple(range(len(seeds_of(found))))
    assert any(note.startswith("resolution: 8 points to either side, reached with") for note in make_grid(found).notes)


def test_a_study_that_is_narrow_enough_at_once_adds_none(tmp_path):
    scripted = Scripted(spread(0.01))
    found = conducted(study_of(arms=ARMS, seeds=[0, 1, 2, 3, 4], resolution=8), tmp_path, scripted).comparison
    assert found.resolution.reached
    assert len(scripted.ran) == 10


def test_intervals_that_are_looked_at_are_wider_than_those_of_a_fixed_number_of_seeds(tmp_path):
    scripted = Scripted(spread(0.02))
    looked = conducted(study_of(arms=ARMS, seeds=[0, 1, 2, 3, 4], resolution=90), tmp_path, scripted).comparison
    fixed = conducted(study_of(arms=ARMS, seeds=[0, 1, 2, 3, 4]), tmp_path, scripted).comparison
    assert looked.resolution.widening == 1.17
    assert half_width(looked) == pytest.approx(1.17 * half_width(fixed), rel=0.05)
    p_looked, p_fixed = (found.rows[1].differences["pass_at_1"].p_value for found in (looked, fixed))
    assert p_looked > p_fixed


def test_what_max_seeds_cannot_reach_is_said_beforehand_and_in_the_table(tmp_path):
    said: list[str] = []
    study = study_of(arms=ARMS, seeds=[0, 1, 2, 3, 4], resolution=2, max_seeds=8)
    found = conducted(study, tmp_path, Scripted(spread(0.1)), said).comparison
    first = said[0]
    assert first.startswith("after 5 seeds the interval of 'b' reaches ")
    assert first.endswith("seeds in all, more than max_seeds 8")
    assert len(seeds_of(found)) == 8
    assert not found.resolution.reached
    assert any(line.startswith("resolution not reached: after 8 seeds") for line in found.warnings)
    assert any("2 points to either side, not reached with 8 seeds" in note for note in make_grid(found).notes)


def test_what_no_number_of_seeds_reaches_is_said_with_the_remedy(tmp_path):
    """Arm b is right on half of the problems and arm a on the others, whatever the seed."""

    def curve(run):
        return lambda problem, tokens: tokens / 1000 * ((int(problem[5:]) % 2 == 0) == (run.arm == "a"))

    said: list[str] = []
    study = study_of(arms=ARMS, resolution=4, max_seeds=4)
    conducted(study, tmp_path, Scripted(curve), said)
    assert "no number of seeds gives that: use more held-out problems" in said[0]


def test_every_arm_has_to_be_narrow_enough(tmp_path):
    def curve(run):
        return spread(0.1 if run.arm == "c" else 0.001)(run)

    study = study_of(arms=ARMS | {"c": {"rollout.width": 4}}, seeds=[0, 1, 2, 3], resolution=10)
    found = conducted(study, tmp_path, Scripted(curve)).comparison
    widths = found.resolution.half_widths
    assert found.resolution.widest == "c"
    assert max(widths.values()) <= 0.1
    assert {len(row.seeds) for row in found.rows} == {found.resolution.seeds}
    assert found.resolution.seeds > 4


def test_the_same_study_goes_the_same_way_again(tmp_path):
    study = study_of(arms=ARMS, seeds=[0, 1, 2, 3, 4], resolution=8)
    first = conducted(study, tmp_path, Scripted(spread(0.08)))
    again = Scripted(spread(0.08))
    assert conducted(study, tmp_path, again).comparison == first.comparison
    assert again.ran == []


def test_no_seeds_are_added_to_runs_that_are_not_finished(tmp_path):
    study = study_of(arms=ARMS, resolution=2)
    scripted = Scripted(spread(0.08), fail=["b, seed 1"])
    done = conducted(study, tmp_path, scripted)
    assert done.failed
    assert len(scripted.ran) == 6


def test_further_seeds_are_those_that_nothing_else_uses():
    tune = {"grid": {"train.optimizer.lr": [0.1, 0.2]}, "seeds": [8, 10], "set": {"task.seed": 1}}
    study = study_of(arms=ARMS, seeds=[3, 7, 1], tune=tune)
    assert study.seeds_of(6) == (3, 7, 1, 9, 11, 12)
    assert study.seeds_of(3) == (3, 7, 1)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"seeds": [0, 1]}, "resolution: 2 seeds say too little about their spread; begin with 3 or more"),
        ({"arms": {"a": {}}}, "resolution: one arm has no difference from another"),
        ({"max_seeds": 2}, "max_seeds: 2 are fewer than the 3 seeds to begin with"),
        ({"resolution": 0}, "resolution: .*greater than 0"),
    ],
)
def test_a_wrong_resolution_is_one_clear_line(fields, message):
    with pytest.raises(SpecError, match=message) as caught:
        study_of(**{"arms": ARMS, "resolution": 4} | fields)
    assert len(caught.value.problems) == 1


def test_without_a_resolution_nothing_is_said_about_one(tmp_path):
    found = conducted(study_of(arms=ARMS), tmp_path, Scripted(lambda run: steady(0.3, run.seed))).comparison
    assert found.resolution is None
    assert not any("resolution" in note for note in make_grid(found).notes)
    assert Conductor(study_of(arms=ARMS), "s", tmp_path, print, {}).tuning_runs == []


def test_a_table_of_what_is_there_has_the_seeds_that_were_run(tmp_path):
    """Interrupted when seeds were being added: only runs that exist are in the table, and it says what is missing."""
    study = study_of(arms=ARMS, seeds=[0, 1, 2, 3, 4], resolution=2, max_seeds=20)
    with pytest.raises(InterruptedRun):
        conducted(study, tmp_path, Scripted(spread(0.08), stop_after=10))
    found = Conductor(study, "study.json", tmp_path, print, {}).conduct(None).comparison
    assert {row.seeds for row in found.rows} == {(0, 1, 2, 3, 4)}
    assert not any(row.trouble for row in found.rows)
    assert found.resolution.seeds == 5
    assert not found.resolution.reached
