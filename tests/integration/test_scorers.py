"""The built-in scorers under the contract, and what each promises beyond it.

1. What `reward_model` says is the model's own output on the text alone, written out.
2. A program that misbehaves costs one step's score, or the run in one line.
3. In a run every open node has a score, and its tokens are charged once.
"""

from __future__ import annotations

import math
import sys
import warnings
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from small_run import save_model, small_spec
from tiny_models import char_tokenizer
from tiny_rewards import RIGHT_OR_WRONG, TEMPLATE, save_rewards
from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification

import dsk
from dsk.components.rollouts.jobs.tree_search import TreeSearch
from dsk.components.scorers import CommandScorer, NoScores, RewardModel
from dsk.components.scorers.command import FORM
from dsk.components.scorers.value_head import ValueHeadScorer
from dsk.core.errors import ModelError, Notice, SpecError, VerdictError, VerifierError
from dsk.core.sampling.scheduler import Scheduler
from dsk.core.sampling.verdicts import rate
from dsk.core.types import Problem
from dsk.testing.scorer import ITEMS, ScorerContract

PROGRAM = Path(__file__).with_name("score_program.py")
PROBLEM = Problem("p", "1+1=", "2")
STEPS = ("one ", "and one ", "is 2.")


def program(**fields: object) -> CommandScorer:
    return CommandScorer.model_validate({"program": [sys.executable, str(PROGRAM)], "time_limit": 30, **fields})


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Folders of reward models, made when first asked for."""
    made: dict[str, Path] = {}

    def folder(name: str, **settings) -> str:
        if name not in made:
            made[name] = save_rewards(tmp_path_factory.mktemp("rewards") / name, **settings)
        return str(made[name])

    return folder


@pytest.mark.filterwarnings("ignore:scorer.path. a text of")
class TestSequenceModel(ScorerContract):
    settings: ClassVar[dict[str, Any]] = {}
    fields: ClassVar[dict[str, Any]] = {}

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def place(cls, tmp_path_factory):
        cls.path = str(save_rewards(tmp_path_factory.mktemp("rewards") / "model", **cls.settings))

    def make_scorer(self):
        return RewardModel(path=self.path, device="cpu", **self.fields)


class TestTokenModel(TestSequenceModel):
    settings: ClassVar = {"per_token": True, "labels": RIGHT_OR_WRONG, "template": TEMPLATE}
    fields: ClassVar = {"style": "chat", "separator": "\n", "batch_tokens": 100}


class TestEncoder(TestSequenceModel):
    settings: ClassVar = {"encoder": True, "labels": ("bad", "good", "so so")}


class TestCommand(ScorerContract):
    def make_scorer(self):
        return program()


class TestNone(ScorerContract):
    def make_scorer(self):
        return NoScores()


class TestValueHead(ScorerContract):
    def make_scorer(self):
        return ValueHeadScorer.model_validate({"hidden": 4})


def rated(scorer, items):
    with scorer.open() as session:
        return session.rate(items)


def ids(text: str) -> list[int]:
    return char_tokenizer().encode(text, add_special_tokens=False)


def logits(folder: str, auto, tokens: list[int]) -> torch.Tensor:
    """The model's output [..., labels] on one text, without batch or padding."""
    with torch.no_grad():
        return auto.from_pretrained(folder).eval()(input_ids=torch.tensor([tokens])).logits[0]


def test_one_logit_becomes_its_sigmoid(saved):
    folder = saved("one")
    [_, score] = rated(RewardModel(path=folder, device="cpu"), [(PROBLEM, STEPS[:1]), (PROBLEM, STEPS)])
    [logit] = logits(folder, AutoModelForSequenceClassification, ids("1+1=one and one is 2.")).tolist()
    assert score == pytest.approx(1 / (1 + math.exp(-logit)), abs=1e-6)


@pytest.mark.parametrize(("labels", "label", "good"), [(("Bad", " GOOD"), None, 1), (("a", "b", "c"), "c", 2)])
def test_several_labels_become_the_softmaxs_share_of_the_good_one(saved, labels, label, good):
    folder = saved("-".join(labels), labels=labels)
    [score] = rated(RewardModel(path=folder, device="cpu", label=label), [(PROBLEM, STEPS)])
    found = logits(folder, AutoModelForSequenceClassification, ids("1+1=one and one is 2.")).tolist()
    assert score == pytest.approx(math.exp(found[good]) / sum(map(math.exp, found)), abs=1e-6)


def test_labels_that_do_not_exclude_each_other_are_sigmoids(saved):
    folder = saved("multi", labels=("kind", "correct"), problem_type="multi_label_classification")
    [score] = rated(RewardModel(path=folder, device="cpu"), [(PROBLEM, STEPS)])
    found = logits(folder, AutoModelForSequenceClassification, ids("1+1=one and one is 2.")).tolist()
    assert score == pytest.approx(1 / (1 + math.exp(-found[1])), abs=1e-6)


@pytest.mark.parametrize(
    ("style", "separator", "text"),
    [
        ("plain", "", "1+1=one and one is 2."),
        ("plain", "\n", "1+1=one \nand one \nis 2.\n"),
        ("chat", "", "<user>1+1=<bot>one and one is 2."),
        ("chat", " .\n", "<user>1+1=<bot>one  .\nand one  .\nis 2. .\n"),
    ],
)
def test_a_token_model_rates_the_last_token_of_the_last_step_or_separator(saved, style, separator, text):
    folder = saved("tokens", per_token=True, labels=RIGHT_OR_WRONG, template=TEMPLATE)
    scorer = RewardModel(path=folder, device="cpu", style=style, separator=separator)
    [score] = rated(scorer, [(PROBLEM, STEPS)])
    wrong, right = logits(folder, AutoModelForTokenClassification, ids(text))[-1].tolist()
    assert score == pytest.approx(1 / (1 + math.exp(wrong - right)), abs=1e-6)


def test_a_sequence_model_reads_a_chat_with_its_answer_ended(saved):
    folder = saved("chat", template=TEMPLATE)
    [score] = rated(RewardModel(path=folder, device="cpu", style="chat"), [(PROBLEM, STEPS)])
    [logit] = logits(folder, AutoModelForSequenceClassification, ids("<user>1+1=<assistant>one and one is 2.")).tolist()
    assert score == pytest.approx(1 / (1 + math.exp(-logit)), abs=1e-6)


@pytest.mark.parametrize("settings", [{"pad": False}, {"pad": False, "per_token": True}, {"encoder": True}])
def test_scores_do_not_depend_on_how_texts_are_batched(saved, settings):
    folder = saved(str(settings), **settings)
    one, all_ = (rated(RewardModel(path=folder, device="cpu", batch_tokens=n), ITEMS) for n in (1, 10_000))
    assert one == pytest.approx(all_, abs=1e-5)
    assert len(set(np.round(one, 4))) > 2


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_any_parameter_type_gives_the_same_score_to_its_precision(saved, dtype):
    folder = saved("one")
    [exact], [found] = (
        rated(RewardModel(path=folder, device="cpu", dtype=name), [(PROBLEM, STEPS)]) for name in ("float32", dtype)
    )
    assert found == pytest.approx(exact, abs=0.1 if dtype == "bfloat16" else 1e-5)


def test_a_text_beyond_the_context_has_no_score_and_is_told_of_once(saved):
    folder, long = saved("short", context=20), (PROBLEM, ("x" * 17,))
    with RewardModel(path=folder, device="cpu").open() as session:
        with pytest.warns(Notice, match="a text of 21 tokens is more than the reward model's context of 20"):
            unrated, rated = rate(session, [long, (PROBLEM, ("x" * 16,))])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert session.rate([long]) == [None]
    assert math.isnan(unrated)
    assert 0 < rated < 1


@pytest.mark.parametrize(
    ("labels", "label", "fault"),
    [
        (
            ("LABEL_0", "LABEL_1"),
            None,
            r"which label of '.*' means a good step is not understood; its labels: 'LABEL_0', ",
        ),
        (("good", "right"), None, "is not understood; its labels: 'good', 'right'; name the good one in scorer.label"),
        (("wrong", "fine"), "fein", "has no label 'fein'; its labels: 'wrong', 'fine'; did you mean 'fine'"),
    ],
)
def test_labels_that_are_not_understood_are_named(tmp_path, labels, label, fault):
    scorer = RewardModel(path=str(save_rewards(tmp_path / "m", labels=labels)), label=label)
    with pytest.raises(ModelError, match=fault) as caught, scorer.open():
        pass
    assert str(caught.value) == f"scorer.{scorer.missing()}"
    assert (len(str(caught.value).splitlines()), caught.value.exit_code) == (1, 2)


def test_a_model_without_a_classification_head_is_named(tmp_path):
    scorer = RewardModel(path=str(save_model(tmp_path / "policy")))
    assert "is a LlamaForCausalLM, which has no classification head" in str(scorer.missing())


def test_what_is_lacking_is_told_without_loading_weights(tmp_path):
    there = save_rewards(tmp_path / "rewards")
    assert RewardModel(path=str(there)).missing() is None
    assert RewardModel(path="some-one/on-the-hub").missing() is None
    lack = RewardModel(path=str(tmp_path / "reward")).missing()
    assert str(lack).startswith(f"path: there is no folder '{tmp_path / 'reward'}'")
    assert str(lack).endswith("did you mean 'rewards'?")
    assert "no chat template; set scorer.style to 'plain'" in str(RewardModel(path=str(there), style="chat").missing())
    assert "no config.json" in str(RewardModel(path=str(tmp_path)).missing())
    (there / "model.safetensors").write_bytes((there / "model.safetensors").read_bytes()[:-8])
    assert "its header describes" in str(RewardModel(path=str(there)).missing())


def test_weights_without_their_head_are_one_line(tmp_path):
    file = save_rewards(tmp_path / "m") / "model.safetensors"
    save_file({k: v for k, v in load_file(file).items() if k != "score.weight"}, file, {"format": "pt"})
    scorer = RewardModel(path=str(file.parent), device="cpu")
    found = r"scorer\.path: the weights of .* lack 1 tensors .*\(score\.weight\)"
    with pytest.raises(ModelError, match=found), scorer.open():
        pass


def test_a_hub_that_cannot_be_reached_is_one_line(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    scorer = RewardModel(path="nobody/nothing")
    with (
        pytest.raises(ModelError, match=r"scorer\.path: cannot load 'nobody/nothing'") as caught,
        scorer.open(),
    ):
        pass
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("step", ["hang", "die", "memory"])
def test_a_program_that_misbehaves_costs_one_score(step):
    with program(workers=1, cpu_limit=0.5, memory_mb=512).open() as session:
        scores = session.rate([(PROBLEM, (step,)), (PROBLEM, ("12ab",))])
    assert scores == [None, 0.5]


@pytest.mark.parametrize(
    ("step", "found"),
    [
        ("beyond", "a score that is not a number from 0 to 1: '{\"score\": 1.5}'"),
        ("nan", "a score that is not a number from 0 to 1"),
        ("true", "a score that is not a number from 0 to 1"),
        ("text", "a score that is not a number from 0 to 1"),
        ("nothing", "a score that is not a number from 0 to 1"),
        ("verdict", "a score with the unknown field 'correct'"),
        ("list", "JSON that is not an object"),
        ("junk", "a line that is not JSON: 'junk'"),
        ("twice", "more than one line for one step"),
    ],
)
def test_a_program_that_writes_something_else_than_a_score_stops_the_run(step, found):
    with program(workers=1).open() as session, pytest.raises(VerdictError) as caught:
        session.rate([(PROBLEM, ("1",)), (PROBLEM, (step,))])
    message = str(caught.value)
    assert message.startswith(f"scorer.program: '{sys.executable} {PROGRAM}' wrote {found}")
    assert message.endswith(f"it must write one line a step: {FORM}")
    assert (len(message.splitlines()), caught.value.exit_code) == (1, 2)


def test_a_program_that_never_answers_is_an_error():
    scorer = CommandScorer(program=(sys.executable, "-c", "raise SystemExit"), workers=1)
    with scorer.open() as session, pytest.raises(VerifierError, match=r"scorer\.program: .* run it by hand"):
        session.rate([(PROBLEM, (str(n),)) for n in range(8)])


def test_a_program_that_is_not_there_is_named():
    scorer = CommandScorer(program=("no-such-program",))
    with pytest.raises(SpecError, match=r"scorer\.program: 'no-such-program'"), scorer.open():
        pass


def test_a_program_sees_the_problem_and_all_steps():
    with program(workers=1).open() as session:
        assert session.rate([(Problem("id", ({"role": "user", "content": "q"},), "4"), ("a", "b", "echo"))]) == [1.0]


ROLLOUT = {"kind": "tree", "width": 2, "max_depth": 3, "step_tokens": 4, "trajectories": 3}


class Trees:
    """The jobs of a run's training steps, kept when the scheduler is done with them."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.jobs: list[TreeSearch] = []
        original = Scheduler.run

        def kept(scheduler, jobs):
            groups = original(scheduler, jobs)
            self.jobs += [job for job in jobs if isinstance(job, TreeSearch)]
            return groups

        patch.setattr(Scheduler, "run", kept)


def small_scored(tmp_path, **changes):
    model = save_model(tmp_path / "model")
    return small_spec(model, **{"rollout": ROLLOUT, "rounds": {"count": 1, "steps": 2}, **changes})


def test_in_a_run_every_open_node_has_a_score_and_its_tokens_are_charged_once(tmp_path, monkeypatch):
    rewards = save_rewards(tmp_path / "rewards", per_token=True, labels=RIGHT_OR_WRONG)
    trees = Trees(monkeypatch)
    scorer = {"kind": "reward_model", "path": str(rewards), "separator": "\n", "device": "cpu"}
    plain = dsk.run(small_scored(tmp_path), tmp_path / "plain")
    trees.jobs.clear()
    run = dsk.run(small_scored(tmp_path, scorer=scorer), tmp_path / "run")
    nodes = [(job.tree, node) for job in trees.jobs for node in range(1, job.tree.size)]
    rated = [(tree, node) for tree, node in nodes if not tree.terminal[node]]
    assert len(rated) > 20
    assert all(0 <= tree.score[node] <= 1 for tree, node in rated)
    assert all(math.isnan(tree.score[node]) for tree, node in nodes if tree.terminal[node])
    by_hand = sum(len(tree.step_tokens(node)) for tree, node in rated)
    elsewhere = run.summary["scored_tokens"] - by_hand
    probes = 2 * 2 * run.summary["steps"]  # a prompt of two characters, by engine and trainer, after each step
    assert elsewhere == probes
    assert plain.summary["scored_tokens"] == 2 * 2 * plain.summary["steps"]
    steps = [record for record in run.records if record["event"] == "step"]
    assert steps[-1]["scored_tokens"] == run.summary["scored_tokens"]
    assert all(record["tree_unscored"] == 0 and 0 < record["tree_score"] < 1 for record in steps)


def test_the_search_command_shows_the_score_of_rated_nodes(tmp_path, capsys):
    from dsk.cli.search_command import print_search, search_problem

    scored = small_scored(tmp_path, scorer={"kind": "command", "program": [sys.executable, str(PROGRAM)]})
    print_search(search_problem(scored, "a", ""))
    shown = capsys.readouterr().out
    assert "rated" in shown
    assert "  score 0." in shown
    print_search(search_problem(small_scored(tmp_path), "a", ""))
    shown = capsys.readouterr().out
    assert "rated" not in shown
    assert "score" not in shown
