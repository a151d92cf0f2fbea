"""A model larger than the memory is refused before its weights are read."""

import pytest

from dsk.core.errors import ModelError
from dsk.core.model import policy
from dsk.core.spec import ModelSpec

SPEC = ModelSpec(path="bundled:tiny-reasoner", device="cpu")


def test_a_model_larger_than_the_memory_says_how_much_it_needs(monkeypatch):
    monkeypatch.setattr(policy, "free_bytes", lambda device: 2**20)
    with pytest.raises(ModelError, match=r"need 0\.\d GiB in float32, cpu has 0\.0 GiB free") as error:
        policy.load_policy(SPEC)
    assert error.value.exit_code == 2


def test_what_is_needed_follows_the_parameter_type(monkeypatch):
    loaded = policy.load_policy(SPEC)
    weights = sum(p.numel() for p in loaded.model.parameters())
    monkeypatch.setattr(policy, "free_bytes", lambda device: 3 * weights)
    with pytest.raises(ModelError, match="'bfloat16'"):
        policy.check_fits(loaded.model.config, SPEC)
    policy.check_fits(loaded.model.config, SPEC.model_copy(update={"dtype": "bfloat16"}))
