"""Every architecture keeps the engine contract and is trained alike by every packing."""

from __future__ import annotations

import pytest
from tiny_models import ARCHITECTURES, FAMILIES, tiny_policy
from transformers import AutoConfig, BertConfig, MambaConfig, Phi3Config, Qwen3NextConfig, T5Config

from dsk.components.engines.decoding.plain_session import PlainSession
from dsk.components.engines.transformers import Transformers
from dsk.core.errors import ModelError, Notice
from dsk.core.model.architecture import steady_length
from dsk.core.model.policy import check_architecture
from dsk.testing.engine import EngineContract

QUICK = ("mistral", "qwen3_moe", "gemma2", "granite", "gpt2")
OTHERS = [
    pytest.param(family, marks=() if family in QUICK else pytest.mark.full)
    for family in ARCHITECTURES
    if family not in FAMILIES
]


class TestEveryArchitecture(EngineContract):
    @pytest.fixture(params=OTHERS)
    def policy(self, request):
        seed = int(request.param == "gpt2")  # whose first sample with seed 0 is shorter than a test needs
        return tiny_policy(request.param, seed=seed)

    def make_policy(self):
        return tiny_policy("gemma2")

    def make_engine(self):
        return Transformers(max_rows=16, cache_bytes=8 << 20)


class TestModelsOwnCache(EngineContract):
    """A model whose attention cannot be replaced: whole rows, by the cache that `generate` would use."""

    def make_policy(self):
        return tiny_policy("stablelm")

    def make_engine(self):
        return Transformers(max_rows=16)

    def test_the_reason_is_said(self, policy):
        told = pytest.warns(Notice, match="StableLmForCausalLM does not take its attention from .* own cache")
        with told, self.open(policy) as session:
            assert isinstance(session.session, PlainSession)


def test_keys_that_move_with_the_length_bound_the_context():
    """Up to the length of pretraining they stand still."""
    rope = {"rope_type": "longrope", "rope_theta": 1e4, "short_factor": [1.0] * 4, "long_factor": [2.0] * 4}
    fields = {"hidden_size": 32, "num_attention_heads": 4, "original_max_position_embeddings": 64}
    config = Phi3Config(
        max_position_embeddings=256, rope_parameters=rope | {"original_max_position_embeddings": 64}, **fields
    )
    assert steady_length(config) == 64
    assert steady_length(Phi3Config(max_position_embeddings=256)) == 256


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (T5Config(), "'t5' is an encoder-decoder"),
        (AutoConfig.for_model("vit"), "no causal language model of type 'vit'"),
        (MambaConfig(), "'mamba' keeps a recurrent state"),
        (Qwen3NextConfig(), "'qwen3_next' keeps a recurrent state"),
        (BertConfig(), "'bert' sees tokens that come later"),
    ],
)
def test_what_is_no_causal_transformer_gets_one_line(config, message):
    with pytest.raises(ModelError, match=message):
        check_architecture(config)
