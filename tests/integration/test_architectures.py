"""Every architecture keeps the engine contract and is trained alike by every packing."""

from __future__ import annotations

import pytest
from tiny_models import ARCHITECTURES, FAMILIES, tiny_policy

from dsk.components.engines.transformers import Transformers
from dsk.testing.engine import EngineContract


class TestEveryArchitecture(EngineContract):
    @pytest.fixture(params=[family for family in ARCHITECTURES if family not in FAMILIES])
    def policy(self, request):
        return tiny_policy(request.param)

    def make_policy(self):
        return tiny_policy("gemma2")

    def make_engine(self):
        return Transformers(max_rows=16, cache_bytes=8 << 20)
