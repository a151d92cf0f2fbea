import json
import math

import numpy as np
import pytest
from dsk_scored import FEATURES, Scored, features, read_model

from dsk.core.sampling.search_tree import SearchTree
from dsk.core.types import Sample
from dsk.testing import SelectorContract

WEIGHTS = {"score": 3.0, "entropy": -0.5, "depth": 0.25, "length": -20.0}


@pytest.fixture
def model(tmp_path):
    file = tmp_path / "model.json"
    file.write_text(json.dumps({"bias": -0.3, "weights": WEIGHTS}))
    return str(file)


class TestScored(SelectorContract):
    def make_selector(self):
        return Scored()


class TestFittedScored(SelectorContract):
    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def model(cls, tmp_path_factory):
        cls.file = tmp_path_factory.mktemp("model") / "model.json"
        cls.file.write_text(json.dumps({"bias": 0.5, "weights": WEIGHTS}))

    def make_selector(self):
        return Scored(model=str(self.file), entropy_weight=-0.2)


def siblings(scores, texts, logprobs):
    """A tree of one expansion whose steps have these scores, texts (a word a token) and log-probabilities."""
    words = [word for text in texts for word in text.split()]
    tree = SearchTree(max_depth=4, pieces=lambda tokens: [words[token] for token in tokens])
    numbers = iter(range(len(words)))
    samples = [
        Sample(tuple(next(numbers) for _ in text.split()), (logprob,) * len(text.split()), "length", 0)
        for text, logprob in zip(texts, logprobs, strict=True)
    ]
    nodes = np.asarray(tree.expand(0, samples, 1 << 30))
    tree.score[nodes] = scores
    return tree, nodes


def test_it_is_the_equation_written_out(model):
    tree, nodes = siblings([0.9, 0.2, math.nan], ["ab cde", "f", "gh ij k"], [-0.5, -1.0, -2.0])
    found = Scored(model=model, entropy_weight=0.1).scores(tree, nodes, np.random.default_rng(0))
    rows = [(0.4, 0.5, 0.25, 0.005), (-0.3, 1.0, 0.25, 0.001), (0.0, 2.0, 0.25, 0.005)]
    for score, (row, entropy) in zip(found, zip(rows, [0.5, 1.0, 2.0], strict=True), strict=True):
        logit = -0.3 + sum(WEIGHTS[name] * value for name, value in zip(FEATURES, row, strict=True))
        assert score == pytest.approx(1 / (1 + math.exp(-logit)) + 0.1 * entropy, abs=1e-12)
    assert features(tree, nodes) == pytest.approx(np.array(rows))


def test_without_a_model_the_better_rated_step_wins():
    tree, nodes = siblings([0.3, 0.8, 0.5], ["a", "b", "c"], [-1.0, -1.0, -1.0])
    assert Scored().scores(tree, nodes, np.random.default_rng(0)).argmax() == 1


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "not JSON"),
        ("[]", "not a model; the form is"),
        ('{"bias": 0}', "not a model"),
        ('{"bias": 0, "weights": {"score": 1}}', "not a model"),
        ('{"bias": true, "weights": {"score": 1, "entropy": 0, "depth": 0, "length": 0}}', "not finite"),
        ('{"bias": NaN, "weights": {"score": 1, "entropy": 0, "depth": 0, "length": 0}}', "not finite"),
    ],
)
def test_a_file_that_is_no_model_is_one_line(tmp_path, text, fault):
    file = tmp_path / "model.json"
    file.write_text(text)
    with pytest.raises(ValueError, match=fault) as caught:
        read_model(str(file))
    assert len(str(caught.value).splitlines()) == 1


def test_a_model_that_is_not_there_is_found_with_the_spec(tmp_path):
    with pytest.raises(ValueError, match=r"none\.json: cannot be read: No such file"):
        Scored(model=str(tmp_path / "none.json"))
