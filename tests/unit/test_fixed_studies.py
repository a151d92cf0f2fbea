"""Studies at a fixed policy: what they plan, what they refuse, how tokens are counted, and their tables.

1. The reference comes first; every way in which the blocks or the arms can be wrong ends in one line.
2. A job's tokens are counted sample by sample, whatever asked for them.
3. Tokens to a first solution are the restricted mean of Kaplan and Meier, and ratios say which arm finds more.
4. Tables have a row an arm and a bin; what is not resolved has no ratio.
"""

from __future__ import annotations

import json
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dsk.cli.fixed_study import check_options
from dsk.cli.study_progress import RunProgress
from dsk.compare.fixed.binning import bins_of
from dsk.compare.fixed.counting import Counted
from dsk.compare.fixed.exploration_results import FirstTokens, exploration_results, rate_figure, rate_ratio
from dsk.compare.fixed.gradient_results import gradient_results
from dsk.compare.fixed.planning import check_work, phases, plan_fixed
from dsk.compare.fixed.reading import ALL
from dsk.compare.fixed.records import MEASURED, RatedProblem, read_reference, write_vectors
from dsk.compare.planning import plan_runs
from dsk.compare.study import load_study
from dsk.core.errors import DamagedFileError, DataError, RunFolderError, SpecError
from dsk.core.roles import Known, Setting
from dsk.core.run.records import write_json
from dsk.core.sampling.responses import Responses
from dsk.core.spec import SamplingSpec
from dsk.core.types import Problem, Sample, Verdict

BASE = {"name": "base", "model": {"path": "bundled:tiny-reasoner"}, "task": {"kind": "arithmetic"}}
BASE |= {"train": {"batch_problems": 4, "mini_batch_problems": 2}}
DIRECT = {"rollout": {"kind": "direct", "samples": 4}}
GRADIENT = {"mode": "gradient", "arms": {"direct": DIRECT, "tree": {}}}
EXPLORATION = {"mode": "search", "exploration": {"tokens": 800}, "arms": {"direct": DIRECT, "tree": {}}}


@pytest.fixture
def load(tmp_path):
    def make(**fields):
        path = tmp_path / "study.json"
        path.write_text(json.dumps({"name": "s", "base": BASE, "seeds": [0, 1]} | fields))
        return load_study(path)

    return make


@pytest.fixture
def plan(load, tmp_path):
    def make(**fields):
        study = load(**fields)
        return plan_fixed(study, plan_runs(study, "study.json", tmp_path / "runs"), "study.json", tmp_path / "runs")

    return make


@pytest.mark.parametrize(("fields", "kind"), [(GRADIENT, "gradient"), (EXPLORATION, "exploration")])
def test_the_reference_runs_before_every_arm_with_every_seed(plan, fields, kind):
    runs = plan(**fields)
    assert [run.work["kind"] for run in runs] == ["reference", *[kind] * 4]
    first, rest = phases(runs)
    assert [run.arm for run in first] == ["reference"]
    assert [(run.arm, run.seed) for run in rest] == [("direct", 0), ("tree", 0), ("direct", 1), ("tree", 1)]
    assert len({run.folder for run in runs}) == 5


def test_the_reference_is_plain_reinforce_whatever_the_arms_do(plan):
    shaped = {"train.loss": "grpo", "overlong.buffer": 10, "train.weight": "unique", "train.advantage": "outcome"}
    spec = plan(**GRADIENT | {"arms": {"a": DIRECT | shaped, "b": DIRECT}})[0].spec
    assert (spec.train.loss.kind, spec.train.advantage.kind, spec.train.weight) == (
        "reinforce",
        "outcome",
        "trajectory",
    )
    assert spec.overlong.buffer == 0
    assert spec.rollout.dump()["samples"] == 128 // 8
    assert spec.replay is None


def test_a_study_of_another_kind_is_left_as_it_is(plan):
    runs = plan(arms={"a": {}, "b": {"replay": None}})
    assert [run.work for run in runs] == [{}] * 4
    assert phases(runs) == [runs]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"gradient": {}, "arms": {"a": {}}},
            "gradient: belongs to a study of mode 'gradient', and this one's is 'train'",
        ),
        (
            {**GRADIENT, "exploration": {}},
            "exploration: belongs to a study of mode 'search', and this one's is 'gradient'",
        ),
        ({**GRADIENT, "budget": {"amount": 5}}, "budget: a study of gradient has none"),
        ({**EXPLORATION, "metrics": ["solved"]}, "metrics: a study of exploration has its own"),
        ({**GRADIENT, "gradient": {"batchs": 3}}, "batchs.*unknown field.*did you mean 'batches'"),
        ({**GRADIENT, "gradient": {"bins": [0.5, 0.2]}}, r"bins: pass rates between 0 and 1 in increasing order"),
        ({**GRADIENT, "gradient": {"reference_samples": 20}}, r"\(20\) must be a multiple of parts \(8\).*write 16"),
        (
            {**GRADIENT, "gradient": {"parts": 2}},
            r"gradient.parts: Input should be greater than or equal to 3 \(found 2\)",
        ),
    ],
)
def test_a_block_that_is_wrong_or_out_of_place_is_one_line(load, fields, message):
    with pytest.raises(SpecError, match=message) as error:
        load(**fields)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("arm", "message"),
    [
        ({"task.train_problems": 9}, r"arms.other: task.train_problems: 512 -> 9: all arms are measured against one"),
        ({"sampling.temperature": 0.7}, r"arms.other: sampling.temperature: 1.0 -> 0.7: all arms"),
        ({"screen.problems": 9}, r"arms.other: screen.problems: 0 -> 9: all arms"),
        ({"screen.reuse": True}, r"arms.other: screen.reuse: nothing is screened here"),
        ({"train.refill": 2}, r"arms.other: train.refill: a batch takes its problems as they come; set it to 0"),
        (
            {"train.batch_problems": 99, "train.mini_batch_problems": 99},
            r"mini_batch_problems is 99, and gradient.prob",
        ),
    ],
)
def test_an_arm_that_cannot_be_measured_against_the_reference_is_one_line(plan, arm, message):
    with pytest.raises(SpecError, match=message) as error:
        plan(**GRADIENT | {"arms": {"direct": DIRECT, "other": DIRECT | arm}})
    assert len(str(error.value).splitlines()) == 1


def test_truncated_sampling_has_another_gradient_and_is_refused(plan):
    with pytest.raises(SpecError, match="top_p 0\\.9 and top_k 0 make the score function another"):
        plan(**GRADIENT | {"base": BASE | {"sampling": {"top_p": 0.9}}})


def test_an_arm_may_not_be_named_as_the_reference(plan):
    with pytest.raises(SpecError, match="the name 'reference' is that of what arms are measured against"):
        plan(**GRADIENT | {"arms": {"reference": DIRECT, "tree": {}}})


def test_exploration_is_compared_with_direct_sampling_alone(plan):
    with pytest.raises(SpecError, match=r"baseline: arm 'tree' has rollout 'tree'; an exploration study compares with"):
        plan(**EXPLORATION | {"baseline": "tree"})


def test_a_search_study_without_exploration_still_needs_trees(plan):
    with pytest.raises(SpecError, match="grows no tree; a search study needs 'tree', or `exploration`"):
        plan(mode="search", arms={"direct": DIRECT})


def test_a_folder_measured_with_other_settings_is_refused(plan):
    runs = plan(**GRADIENT)
    check_work(runs)
    write_json(runs[0].folder / "work.json", {**runs[0].work, "settings": {**runs[0].work["settings"], "parts": 4}})
    with pytest.raises(RunFolderError, match=r"measured with other settings \(settings.parts: 4 -> 8\); delete"):
        check_work(runs)


@pytest.mark.parametrize(
    ("options", "plot", "message"),
    [
        ({"axis": "updates"}, [], "--axis"),
        ({}, ["a.png"], "--plot"),
        ({"baseline": "x"}, [], "no arm 'x'; arms: direct"),
    ],
)
def test_options_for_curves_are_refused(load, options, plot, message):
    with pytest.raises(SpecError, match=message):
        check_options(load(**GRADIENT), options, plot)


def test_progress_counts_what_is_measured(plan):
    run = plan(**GRADIENT)[1]
    run.folder.mkdir(parents=True)
    assert RunProgress(run).line() == "direct, seed 0: 0 of 128 batches"
    (run.folder / MEASURED).write_text("{}\n{}\n")
    assert RunProgress(run).line() == "direct, seed 0: 2 of 128 batches"


def sample(*tokens):
    return Sample(tokens, (-1.0,) * len(tokens), "eos", 0)


@pytest.mark.parametrize(("correct", "first"), [((0, 0, 1), 9), ((0, 1, 1), 5), ((1, 0, 0), 2), ((0, 0, 0), None)])
def test_the_first_solution_counts_the_samples_up_to_it(correct, first):
    """Three responses of 2, 3 and 4 tokens, asked for at once and answered from the last to the first."""
    setting = Setting(SamplingSpec(), 10, lambda verdict: 1.0, lambda tokens: [])
    job = Counted(Responses(Problem("p", "", ""), Known((1,)), 3, 0, setting))
    (request,) = job.requests()
    questions = job.deliver(request.id, [sample(5, 5), sample(6, 6, 6), sample(7, 7, 7, 7)])
    for question in reversed(questions):
        job.answer(question.id, Verdict(bool(correct[question.id]), None, ""))
    assert (job.sampled, job.first) == (9, first)
    assert len(job.group().trajectories) == 3


def test_equal_samples_are_told_apart_by_their_order():
    setting = Setting(SamplingSpec(), 10, lambda verdict: 1.0, lambda tokens: [])
    job = Counted(Responses(Problem("p", "", ""), Known((1,)), 2, 0, setting))
    (request,) = job.requests()
    questions = job.deliver(request.id, [sample(5, 5), sample(5, 5)])
    job.answer(questions[1].id, Verdict(True, None, ""))
    assert job.first == 4


FIRSTS = st.lists(st.one_of(st.integers(1, 150), st.just(math.inf)), min_size=2, max_size=20)


@given(FIRSTS)
def test_tokens_to_a_first_solution_are_kaplan_and_meiers_restricted_mean(firsts):
    most = 100
    found = FirstTokens(np.asarray([firsts]), most)
    seen, cut = [f for f in firsts if f <= most], [most for f in firsts if f > most]
    survival = stats.ecdf(stats.CensoredData(uncensored=seen, right=cut)).sf
    ends = [0, *sorted({f for f in seen if f < most}), most]
    area = sum((b - a) * (1 if a == 0 else float(survival.evaluate(a))) for a, b in pairwise(ends))
    assert found.restricted.mean() == pytest.approx(area)
    assert found.solved(50).mean() == pytest.approx(np.mean([f <= 50 for f in firsts]))


def test_an_arm_that_finds_solutions_twice_as_fast_has_the_ratio_two():
    rng = np.random.default_rng(0)
    slow = FirstTokens(rng.geometric(0.01, size=(2, 400)).astype(float), 10_000)
    fast = FirstTokens(rng.geometric(0.02, size=(2, 400)).astype(float), 10_000)
    found = rate_ratio(fast, slow)
    assert found is not None
    assert found.low < 2 < found.high
    assert found.low > 1.6
    assert found.p_value < 0.001
    figure = rate_figure(fast)
    assert figure.low < 0.02 * 1e6 < figure.high


def test_an_arm_without_any_solution_has_no_ratio():
    none, some = FirstTokens(np.full((1, 4), math.inf), 100), FirstTokens(np.full((1, 4), 10.0), 100)
    found = rate_ratio(none, some)
    assert found is not None
    assert math.isnan(found.low)


@given(st.lists(st.integers(0, 8), min_size=1))
def test_every_problem_is_in_one_bin(corrects):
    problems = [RatedProblem(str(i), 8, correct, 1) for i, correct in enumerate(corrects)]
    bins = bins_of(problems, (0.25, 0.5))
    assert sorted(p.id for members in bins.values() for p in members) == sorted(p.id for p in problems)
    for name, members in bins.items():
        low, high = (float(end) / 100 for end in name.removesuffix("%").split(" to "))
        assert all(low <= p.rate < high or p.rate == high == 1 for p in members)


def write_rows(folder, rows):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MEASURED).write_text("".join(json.dumps(row) + "\n" for row in rows))


def rated(count, correct):
    return [{"id": f"p{i}", "samples": 8, "correct": correct(i), "tokens": 80} for i in range(count)]


def test_the_exploration_table_says_which_arm_finds_more_at_which_pass_rate(plan, load):
    runs, study = plan(**EXPLORATION), load(**EXPLORATION)
    write_rows(runs[0].folder, rated(20, lambda i: 0 if i < 10 else 4))
    for run in runs[1:]:
        pace = 1 if run.arm == "direct" else 3
        rows = [{"id": f"p{i}", "first": 10 * pace + i, "tokens": 99, "jobs": 1} for i in range(19)]
        write_rows(run.folder, [*rows, {"id": "p19", "first": None, "tokens": 801, "jobs": 9}])
    found = exploration_results(study, runs, "direct")
    whole = {row.arm: row for row in found.rows if row.selection == ALL}
    assert whole["tree"].figures["solved_at_800"].value == pytest.approx(0.95)
    assert whole["tree"].figures["tokens_to_first"].value == pytest.approx((19 * 30 + sum(range(19)) + 800) / 20)
    assert whole["tree"].ratio.value == pytest.approx((19 * 10 + 171 + 800) / (19 * 30 + 171 + 800))
    assert {row.selection for row in found.rows} == {ALL, "0 to 12.5%", "37.5 to 62.5%"}
    assert len(found.grids) == 2
    assert "800 sampled tokens" in found.grids[0].notes[0]
    assert "budgets are 10, 20, 40, 80 of them" in found.grids[0].notes[1]


@pytest.fixture
def gradient_folders(plan):
    """Two arms in four dimensions: `tree` has the direction of `direct` and twice its tokens, on batches of its own."""
    runs, rng = plan(**GRADIENT), np.random.default_rng(1)
    truth = np.asarray([1.0, 1.0, 0.0, 0.0])
    write_rows(runs[0].folder, rated(6, lambda i: 4))
    for place in range(6):
        write_vectors(runs[0].folder, place, list(truth + 0.1 * rng.normal(size=(8, 4))), 4)
    for run in runs[1:]:
        cost = 100.0 if run.arm == "direct" else 200.0
        rows = []
        for batch in range(20):
            gradient = truth + np.random.default_rng([run.seed, batch]).normal(size=4)
            write_vectors(run.folder, batch, [gradient], 4)
            shares = [{"id": f"p{p}", "silent": p == 1, "model_tokens": cost, "seconds": 1.0} for p in (0, 1)]
            rows.append({"batch": batch, "groups": shares, "rows": [0]})
        write_rows(run.folder, rows)
    return runs


def test_the_gradient_table_pairs_batches_and_charges_both_groups(load, gradient_folders):
    found = gradient_results(load(**GRADIENT), gradient_folders, "direct")
    whole = {row.arm: row for row in found.rows if row.selection == ALL}
    assert whole["direct"].counts == {"batches": 40, "groups": 80}
    assert whole["tree"].ratio.value == pytest.approx(0.5)
    assert whole["tree"].ratios["per_token"].value == pytest.approx(0.5)
    assert whole["direct"].figures["silent"].value == pytest.approx(0.5)
    assert whole["direct"].figures["cosine"].low < 1 < whole["direct"].figures["cosine"].high
    assert found.grids[0].rows[0][-1].text == "baseline"


def test_an_unfinished_arm_is_compared_on_the_batches_that_both_have(load, gradient_folders):
    tree = gradient_folders[2].folder / MEASURED
    tree.write_text("".join(tree.read_text().splitlines(keepends=True)[:9]))
    found = gradient_results(load(**GRADIENT), gradient_folders, "direct")
    row = next(row for row in found.rows if row.arm == "tree" and row.selection == ALL)
    assert row.counts["batches"] == 29
    assert row.ratio.value == pytest.approx(0.5)


def test_nothing_measured_yet_and_damaged_files_are_one_line(load, plan, gradient_folders, tmp_path):
    study = load(**GRADIENT)
    (gradient_folders[1].folder / "vectors" / "000003.safetensors").write_bytes(b"x")
    with pytest.raises(DamagedFileError, match=r"000003.safetensors: damaged: cannot be read .*; delete the folder"):
        gradient_results(study, gradient_folders, "direct")
    (gradient_folders[0].folder / MEASURED).write_text('{"id": "p", "samples": 0, "correct": 0, "tokens": 0}\n')
    with pytest.raises(DamagedFileError, match=r"measured.jsonl:1: damaged: samples"):
        read_reference(gradient_folders[0].folder)
    (gradient_folders[0].folder / MEASURED).write_text("")
    with pytest.raises(DataError, match="the reference is not measured yet"):
        gradient_results(study, gradient_folders, "direct")
