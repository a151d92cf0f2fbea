"""Study files: what they resolve to, and every way in which they can be wrong."""

import json

import pytest

from dsk.compare.planning import check_folders, plan_runs
from dsk.compare.study import load_study
from dsk.core.errors import RunFolderError, SpecError
from dsk.core.run.ledger import Ledger, Silent

BASE = {"name": "base", "model": {"path": "bundled:tiny-reasoner"}, "task": {"kind": "arithmetic"}}


@pytest.fixture
def plan(tmp_path):
    def make(**fields):
        path = tmp_path / "study.json"
        path.write_text(json.dumps({"name": "s", "base": BASE, "seeds": [0, 1]} | fields))
        study = load_study(path)
        return plan_runs(study, "study.json", tmp_path / "runs")

    return make


def rollout_of(planned):
    return planned.spec.dump()["rollout"]


def test_every_arm_runs_with_every_seed_in_a_folder_of_its_own(plan, tmp_path):
    planned = plan(arms={"full": {}, "no cache": {"replay": None}})
    assert [(r.arm, r.spec.seed) for r in planned] == [("full", 0), ("no cache", 0), ("full", 1), ("no cache", 1)]
    assert planned[1].folder == tmp_path / "runs" / "s" / "no-cache" / "seed-0"
    assert planned[1].spec.replay is None
    assert len({r.spec.name for r in planned}) == 4


def test_a_grid_is_every_combination(plan):
    planned = plan(grid={"rollout.width": [2, 4], "rollout.selector": ["uct", "frontier"]}, seeds=[7])
    assert [(rollout_of(r)["width"], rollout_of(r)["selector"]["kind"]) for r in planned] == [
        (2, "uct"), (2, "frontier"), (4, "uct"), (4, "frontier"),
    ]  # fmt: skip
    assert planned[0].arm == "width=2, selector=uct"


def test_a_kind_is_set_before_its_fields_whatever_their_order(plan):
    overrides = {"rollout.selector.exploration": 1.5, "rollout.selector.kind": "uct"}
    (run,) = plan(arms={"a": overrides}, seeds=[0])
    assert rollout_of(run)["selector"] == {"kind": "uct", "exploration": 1.5}


@pytest.mark.parametrize(
    ("axis", "bound"),
    [
        ("sampled_tokens", "max_tokens"),
        ("model_tokens", "max_model_tokens"),
        ("unscreened_tokens", "max_unscreened_tokens"),
        ("seconds", "max_train_seconds"),
        ("updates", "max_updates"),
    ],
)
def test_the_budget_bounds_every_run(plan, axis, bound):
    planned = plan(arms={"a": {}, "b": {"replay": None}}, budget={"axis": axis, "amount": 500})
    assert {getattr(r.spec.rounds, bound) for r in planned} == {500}


def test_a_budget_without_screening_is_reached_by_the_rest_alone(plan, tmp_path, monkeypatch):
    (run,) = plan(arms={"a": {}}, seeds=[0], budget={"axis": "unscreened_tokens", "amount": 500})
    ledger = Ledger(run.spec, tmp_path, Silent())
    spent = {"model_tokens": 900, "screening_tokens": 401, "updates": 3, "seconds": 1.0}
    monkeypatch.setattr(ledger, "budgets", lambda: spent)
    assert not ledger.out_of_budget()
    spent["screening_tokens"] = 400
    assert ledger.out_of_budget()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"arms": {"a": {"rolout.width": 2}}}, r"arms.a: unknown path 'rolout.width'.*did you mean 'rollout'"),
        ({"arms": {"a": {"rollout.widht": 2}}}, r"arms.a: rollout.widht: unknown field.*did you mean 'width'"),
        ({"arms": {"a": {"rollout.selector.kind": "utc"}}}, r"unknown selector 'utc'.*did you mean 'uct'"),
        ({"arms": {"a": {"seed": 3}}}, "'seed' is set by the study; use its seeds and name"),
        ({"arms": {"a": {}, "b": {"rollout.width": 8}}}, "arms 'a' and 'b' resolve to the same spec"),
        ({"arms": {"a": {}}, "baseline": "c"}, "baseline 'c' is no arm; arms: a"),
        ({"arms": {"a": {}}, "seeds": [1, 1]}, "seeds repeat"),
        ({"arms": {}}, "either arms or a grid"),
        ({"arms": {"a": {}, "a ": {"rollout.width": 2}}}, "arm names must differ"),
        ({"grid": {"rollout.width": []}}, "a grid path has no values"),
        ({"arms": {"a": {}}, "sede": 1}, r"unknown field.*did you mean 'seeds'"),
        ({"arms": {"a": {}}, "budget": {"axis": "tokens", "amount": 1}}, "budget.axis"),
        ({"arms": {"a": {"rollout.kind": "direct"}}, "mode": "search"}, "arms.a: rollout 'direct' grows no tree"),
        ({"arms": {"a": {"mode": "direct"}}}, r"arms.a: unknown path 'mode'; .* write \"rollout\""),
        ({"arms": {"a": {"search.width": 2}}}, r"arms.a: unknown path 'search.width'; .* write \"rollout\""),
    ],
)
def test_a_wrong_study_says_where_and_what_is_allowed(plan, fields, message):
    with pytest.raises(SpecError, match=message):
        plan(**fields)


def test_a_folder_of_another_spec_is_not_continued(plan):
    planned = plan(arms={"a": {}}, seeds=[0])
    planned[0].folder.mkdir(parents=True)
    (planned[0].folder / "spec.json").write_text(json.dumps(planned[0].spec.dump()))
    check_folders(planned)
    with pytest.raises(RunFolderError, match=r"rollout.width: 8 -> 4.*delete the folder"):
        check_folders(plan(arms={"a": {"rollout.width": 4}}, seeds=[0]))


def test_a_base_may_be_a_file_beside_the_study(tmp_path):
    (tmp_path / "base.json").write_text(json.dumps(BASE))
    (tmp_path / "study.json").write_text(json.dumps({"name": "s", "base": "base.json", "arms": {"a": {}}}))
    assert load_study(tmp_path / "study.json").base == BASE
