"""The policy's own transformers module, decoded with continuous batching over a prefix tree of keys and values."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from dsk.core.errors import ModelError, Notice
from dsk.core.roles import Engine

if TYPE_CHECKING:
    from dsk.components.engines.decoding.engine_session import DecodingSession
    from dsk.components.engines.decoding.plain_session import PlainSession
    from dsk.components.engines.restarting import RestartingSession
    from dsk.core.model.policy import Policy

SHARE = 0.4
"""Part of the free memory that an automatic budget takes; the rest is for activations and the trainer."""


class Transformers(Engine):
    """In-process engine for the causal models of transformers, on CPU and CUDA.

    It runs the trainer's own module: a weight sync copies nothing, but for what `pack_from` asks for. A token goes
    through the model once: samples of one request share their prefix's keys and values, and a request whose prefix was
    sampled before starts from them. A model whose layers cannot share them is decoded a request at a time with its own
    cache (docs/models.md).
    """

    kind: ClassVar[str] = "transformers"
    gives_values: ClassVar[bool] = True

    max_rows: int = Field(256, ge=1, description="Most sequences decoded at once.")
    cache_bytes: int = Field(
        0, ge=0, description="Budget for keys and values, in bytes; 0 takes 40% of the memory free when it opens."
    )
    pack_from: int = Field(
        20_000_000,
        ge=0,
        description="CPU: models of at least this many parameters decode with a second copy of their weights, in the"
        " layout that oneDNN multiplies fastest.",
    )

    @contextmanager
    def open(self, policy: Policy) -> Iterator[RestartingSession]:
        """Decode with `policy`'s module; a Notice says why where its samples cannot share prefixes."""
        from dsk.components.engines.decoding.support import plain_notice
        from dsk.components.engines.restarting import RestartingSession

        told = plain_notice(policy.model)
        if told:
            warnings.warn(told, Notice, stacklevel=2)
        with RestartingSession(self.open_once, policy) as session:
            yield session

    @contextmanager
    def open_once(self, policy: Policy) -> Iterator[DecodingSession | PlainSession]:
        """A session that dies with its first fault."""
        from dsk.components.engines.decoding.engine_session import DecodingSession
        from dsk.components.engines.decoding.plain_session import PlainSession
        from dsk.components.engines.decoding.support import plain_notice
        from dsk.core.model.architecture import sharing_obstacle
        from dsk.core.model.policy import free_bytes

        if sharing_obstacle(policy.model) is None:
            budget = self.cache_bytes or int(SHARE * free_bytes(policy.device))
            yield DecodingSession(policy, self.max_rows, budget, self.pack_from)
        elif policy.value_head is not None:
            raise ModelError(f"scorer: a value head is read on shared prefixes only; {plain_notice(policy.model)}")
        else:
            yield PlainSession(policy, self.max_rows)

    def obstacle(self, config: Mapping[str, Any]) -> str | None:
        """Why it cannot decode the model at all, or None."""
        from dsk.components.engines.decoding.support import decoding_obstacle

        return decoding_obstacle(config)

    def notice(self, model: Any) -> str | None:
        """Which path the model gets where it is not the fast one, and why."""
        from dsk.components.engines.decoding.support import plain_notice

        return plain_notice(model)

    def weight_copies(self, parameters: int, device: str) -> int:
        """One where the weights are packed."""
        return int(device == "cpu" and parameters >= self.pack_from)
