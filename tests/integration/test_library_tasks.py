"""Tasks that read through other libraries: Hugging Face data sets and Reasoning Gym, where they are installed."""

from __future__ import annotations

import json
import sys

import pytest

from dsk.components.tasks.huggingface import HuggingFace
from dsk.components.tasks.reasoning_gym import ReasoningGym
from dsk.components.tasks.rows import content_id
from dsk.core.errors import DataError
from dsk.core.roles import Task
from dsk.testing.task import TaskContract

ROWS = [{"problem": f"What is {n} + {n}?", "answer": str(2 * n)} for n in range(20)]


@pytest.mark.parametrize(
    ("task", "library", "extra"),
    [
        (HuggingFace(path="x/y"), "datasets", "huggingface"),
        (ReasoningGym(dataset="chain_sum"), "reasoning_gym", "reasoning-gym"),
    ],
)
def test_a_missing_library_is_one_line_with_its_extra(task, library, extra, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(DataError, match=rf"pip install 'deepsearch-kit\[{extra}\]'"):
        task.problems("train")


@pytest.mark.full
class TestHuggingFace(TaskContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path, monkeypatch):
        pytest.importorskip("datasets")
        monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
        self.folder = tmp_path / "sums"
        self.folder.mkdir()
        for name, rows in (("train", ROWS[:15]), ("test", ROWS[15:])):
            (self.folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def make_task(self) -> Task:
        return HuggingFace(path=str(self.folder), test_split="test")

    def test_rows_are_those_of_the_files(self) -> None:
        problems = list(self.make_task().problems("train"))
        assert [p.prompt for p in problems] == [row["problem"] for row in ROWS[:15]]
        assert problems[3].id == content_id(ROWS[3]["problem"], ROWS[3]["answer"])

    def test_a_saved_data_set_is_the_same_problems(self, tmp_path) -> None:
        import datasets

        datasets.DatasetDict({"train": datasets.Dataset.from_list(ROWS[:15])}).save_to_disk(tmp_path / "saved")
        saved = HuggingFace(path=str(tmp_path / "saved"))
        assert list(saved.problems("train")) == list(self.make_task().problems("train"))
        wrong = HuggingFace(path=str(tmp_path / "saved"), train_split="trian")
        with pytest.raises(DataError, match=r"no split 'trian'; splits: train; did you mean 'train'\?"):
            wrong.problems("train")

    def test_a_slice_of_a_split_can_be_named(self) -> None:
        task = HuggingFace(path=str(self.folder), train_split="train[2:5]")
        assert [p.answer for p in task.problems("train")] == ["4", "6", "8"]

    @pytest.mark.parametrize(
        "fields", [{"path": "no-such-folder/x"}, {"train_split": "validation"}, {"subset": "other"}]
    )
    def test_what_is_not_there_is_one_line(self, fields, monkeypatch) -> None:
        monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        with pytest.raises(DataError, match="cannot load split") as caught:
            list(HuggingFace(**{"path": str(self.folder), **fields}).problems("train"))
        assert "\n" not in str(caught.value)

    def test_a_missing_column_is_named(self) -> None:
        with pytest.raises(DataError, match=r"sums\[train\]:1: no column 'anser'; .*did you mean 'answer'"):
            list(HuggingFace(path=str(self.folder), answer="anser").problems("train"))


@pytest.mark.full
class TestReasoningGym(TaskContract):
    @pytest.fixture(autouse=True)
    def _installed(self):
        pytest.importorskip("reasoning_gym")

    def make_task(self) -> Task:
        return ReasoningGym(dataset="chain_sum", config={"max_terms": 4}, train_problems=80, test_problems=20)

    def test_sizes_are_what_was_asked(self) -> None:
        assert [len(self.first(split)) for split in ("train", "test")] == [80, 20]

    @pytest.mark.parametrize(
        ("fields", "fault"),
        [
            ({"dataset": "chain_sums"}, r"no 'chain_sums' among its \d+ data sets; did you mean 'chain_sum'\?"),
            ({"dataset": "chain_sum", "config": {"terms": 3}}, r"task\.config: .*refuses it: .*terms"),
            ({"dataset": "chain_sum", "config": {"min_terms": 5, "max_terms": 2}}, "refuses it"),
            ({"dataset": "rush_hour"}, "gives no reference answer"),
            (
                {"dataset": "chain_sum", "config": {"min_terms": 2, "max_terms": 2, "min_digits": 1, "max_digits": 1}},
                r"only \d+ distinct train problems in \d+ draws, not 1000",
            ),
        ],
    )
    def test_what_cannot_be_had_is_one_line(self, fields, fault) -> None:
        with pytest.raises(DataError, match=fault) as caught:
            list(ReasoningGym(**fields).problems("train"))
        assert "\n" not in str(caught.value)
