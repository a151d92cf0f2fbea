"""Every method of `examples/methods` is a spec, a page, an arm of the study, and a run that trains.

1. A spec raises no doubt; its page has the spec as it is, and names each kind and field by which it says the method.
2. The study's arm of that name resolves to the same method.
3. It trains the bundled model from end to end; stopped and resumed, the credit of probes and of nodes ends to the byte.
"""

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from small_run import figures

import dsk
from dsk.compare.planning import plan_runs
from dsk.compare.study import load_study
from dsk.core.errors import InterruptedRun
from dsk.core.run.doubts import doubts

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "examples" / "methods").glob("*.json"))
PAGES = ROOT / "docs" / "methods"
BLOCK = re.compile(r'```json title="examples/methods/(\w+)\.json"\n(.*?)```\n', re.DOTALL)
STUDY = ROOT / "studies" / "methods.json"
THE_STUDY_S = ("name", "seed", "rounds", "evaluate")
"""What an arm has from the study and its base."""
ISSUE_15 = {
    "deepsearch", "grpo", "dapo", "dr_grpo", "gspo", "cispo", "tree_grpo", "treerl", "vineppo", "spo_chain", "spo_tree",
    "treepo", "prefix_start", "reinforce_ada", "prorl", "brorl",
}  # fmt: skip
SIZES = ("optimizer", "micro_batch_tokens")
"""Of `train`, what the model and the machine need, and no method says."""
SMALL = [
    "task.train_problems=12", "task.test_problems=4", "screen.threshold=1.0", "screen.samples=1", "rounds.steps=2",
    "rounds.count=1", "train.batch_problems=4", "train.mini_batch_problems=2", "evaluate.problems=2",
    "evaluate.samples=1", "evaluate.every=0", "checkpoint_every=1", "evaluate.hard_only=false",
]  # fmt: skip
WITH_CACHE = ["rounds.steps=1", "rounds.count=2"]
"""Solutions enter the cache after a round."""

each_method = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def test_there_is_a_spec_for_each_method():
    assert {file.stem for file in FILES} == ISSUE_15 == {page.stem for page in PAGES.glob("*.md")} - {"index"}


@each_method
def test_a_method_is_named_as_its_file_and_raises_no_doubt(file):
    spec = dsk.load_spec(file)
    assert spec.name == file.stem
    assert doubts(spec) == []


@each_method
def test_a_page_has_the_spec_as_it_is(file):
    """Where this fails: copy the file into its page."""
    page = PAGES.joinpath(f"{file.stem}.md").read_text(encoding="utf-8")
    assert BLOCK.findall(page) == [(file.stem, file.read_text(encoding="utf-8"))]


@each_method
def test_a_page_names_every_kind_and_field_that_says_the_method(file):
    prose = BLOCK.sub("", PAGES.joinpath(f"{file.stem}.md").read_text(encoding="utf-8"))
    data = json.loads(file.read_text(encoding="utf-8"))
    named = {word for code in re.findall(r"`([^`\n]+)`", prose) for word in re.findall(r"\w+", code)}
    assert said(data) - named == set()


def said(data: dict[str, Any]) -> set[str]:
    """Kinds and fields by which a spec says its method: those of rollouts and training, as far as they are written."""
    train = {name: value for name, value in data["train"].items() if name not in SIZES}
    if (train["batch_problems"], train["mini_batch_problems"]) == (20, 5):
        del train["batch_problems"], train["mini_batch_problems"]
    parts = {name: data[name] for name in ("rollout", "replay", "overlong", "admit") if name in data}
    return words({"train": train, **parts})


def words(value: Any) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(words, value))
    if not isinstance(value, dict):
        return set()
    names = {name for name in value if name != "kind"} | ({value["kind"]} if "kind" in value else set())
    return names.union(*map(words, value.values()))


def test_the_index_links_every_page():
    index = (PAGES / "index.md").read_text(encoding="utf-8")
    assert {file.stem for file in FILES} <= set(re.findall(r"\]\((\w+)\.md\)", index))


def test_the_study_s_arms_are_the_methods():
    planned = plan_runs(load_study(STUDY), str(STUDY), Path("runs"))
    arms = {run.arm: the_method(run.spec) for run in planned if run.seed == 0}
    assert arms == {file.stem: the_method(dsk.load_spec(file)) for file in FILES}


def the_method(spec: dsk.RunSpec) -> dict[str, Any]:
    return {name: value for name, value in spec.dump().items() if name not in THE_STUDY_S}


def small(name: str, *changes: str) -> dsk.RunSpec:
    file = ROOT / "examples" / "methods" / f"{name}.json"
    cached = json.loads(file.read_text())["replay"] is not None
    return dsk.load_spec(file, [*SMALL, *(WITH_CACHE if cached else []), *changes])


@pytest.mark.full
@each_method
def test_a_method_trains_the_bundled_model(file, tmp_path):
    run = dsk.run(small(file.stem), tmp_path / "run")
    applied = [record for record in run.records if record["event"] == "update" and record["applied"]]
    assert run.summary["steps"] == 2
    assert applied
    assert all(math.isfinite(record["loss"]) for record in applied)
    before = load_file(ROOT / "dsk" / "assets" / "tiny-reasoner" / "model.safetensors")
    after = load_file(run.folder / "final" / "model.safetensors")
    assert any(not tensor.equal(before[name]) for name, tensor in after.items())


@pytest.mark.full
def test_a_prefix_is_given_where_a_solution_is_cached(tmp_path):
    spec = small("prefix_start", "train.batch_problems=12", "train.mini_batch_problems=6")
    run = dsk.run(spec, tmp_path / "run")
    cached, _ = [record["cached"] for record in run.records if record["event"] == "round"]
    before, after = [record for record in run.records if record["event"] == "step"]
    assert cached == 0
    assert "tree_given_tokens" not in before
    assert after["tree_given_tokens"] > 0


class Stop:
    """Ctrl-C at the call of this number."""

    def __init__(self, number: int = 0) -> None:
        self.number, self.calls = number, 0

    def __call__(self) -> bool:
        self.calls += 1
        return self.calls == self.number


def what_it_left(run: dsk.Run) -> tuple[Any, ...]:
    kept = [record for record in figures(run.records) if record["event"] != "notice"]
    return kept, (run.folder / "final" / "model.safetensors").read_bytes(), run.summary["model_tokens"]


@pytest.mark.full
@pytest.mark.parametrize("name", ["vineppo", "treerl"])
def test_a_stopped_method_resumes_to_the_byte(name, tmp_path):
    spec, stop = small(name), Stop()
    expected = what_it_left(dsk.run(spec, tmp_path / "whole", should_stop=stop))
    for number in (stop.calls // 2, stop.calls - 1):
        folder = tmp_path / str(number)
        with pytest.raises(InterruptedRun):
            dsk.run(spec, folder, should_stop=Stop(number))
        assert what_it_left(dsk.run(spec, folder, resume=True)) == expected, f"stopped at call {number}"
