"""AdamW with linear warm-up, gradient clipping, fp32 masters for half-precision weights, and a flat state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from dsk.core.errors import CheckpointError
from dsk.core.spec import OptimizerSpec

HALF = (torch.bfloat16, torch.float16)


class Optimizer:
    """Steps a model's trainable parameters.

    With `fp32_state`, each half-precision parameter has an fp32 master: gradients are added to the master's as soon as
    they arrive (so micro-batches sum in fp32), AdamW moves the master, and the parameter is its rounding.
    """

    def __init__(self, model: torch.nn.Module, spec: OptimizerSpec) -> None:
        self.spec = spec
        self.updates = 0
        self._trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self._stepped = {name: self._master(p) for name, p in self._trained.items()}
        self._adam = torch.optim.AdamW(
            self._stepped.values(),
            lr=spec.lr,
            betas=spec.betas,
            eps=spec.eps,
            weight_decay=spec.weight_decay,
            fused=True,
        )

    def _master(self, parameter: Tensor) -> Tensor:
        if not (self.spec.fp32_state and parameter.dtype in HALF):
            return parameter
        master = parameter.detach().to(torch.float32, copy=True)

        def move_gradient(parameter: Tensor) -> None:
            assert parameter.grad is not None
            gradient = parameter.grad.float()
            master.grad = gradient if master.grad is None else master.grad.add_(gradient)
            parameter.grad = None

        parameter.register_post_accumulate_grad_hook(move_gradient)  # pyright: ignore
        return master

    @property
    def learning_rate(self) -> float:
        """The rate of the next update: linear from `lr / warmup_steps` to `lr`."""
        return self.spec.lr * min(1.0, (self.updates + 1) / max(1, self.spec.warmup_steps))

    def clip_gradients(self) -> Tensor:
        """Scale gradients to norm `grad_clip` at most; the norm before, a scalar on the device."""
        return torch.nn.utils.clip_grad_norm_(self._stepped.values(), self.spec.grad_clip)

    def gradients(self) -> list[Tensor]:
        """The gradient of every trained parameter, in the module's order; zeros where none arrived."""
        return [torch.zeros_like(p) if p.grad is None else p.grad for p in self._stepped.values()]

    def step(self) -> None:
        """One AdamW update; gradients are dropped."""
        for group in self._adam.param_groups:
            group["lr"] = self.learning_rate
        self._adam.step()
        self._round_masters()
        self.updates += 1
        self.drop_gradients()

    @torch.no_grad()
    def _round_masters(self) -> None:
        for name, parameter in self._trained.items():
            if self._stepped[name] is not parameter:
                parameter.copy_(self._stepped[name])

    def drop_gradients(self) -> None:
        """Forget all gradients."""
        for tensor in (*self._trained.values(), *self._stepped.values()):
            tensor.grad = None

    def state_dict(self) -> dict[str, Tensor]:
        """Moments, masters and counters under flat names such as `exp_avg.model.norm.weight`."""
        state: dict[str, Tensor] = {"updates": torch.tensor(self.updates)}
        for name, stepped in self._stepped.items():
            for part, value in self._adam.state.get(stepped, {}).items():
                state[f"{part}.{name}"] = torch.as_tensor(value)
            if stepped is not self._trained[name]:
                state[f"master.{name}"] = stepped
        return {name: value.detach().contiguous() for name, value in state.items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Continue from `state_dict`. Raises CheckpointError where it belongs to another model or setting."""
        self._check(state)
        self.updates = int(state["updates"])
        for name, stepped in self._stepped.items():
            if f"master.{name}" in state:
                stepped.copy_(state[f"master.{name}"])
            parts: dict[str, Any] = {
                part: state[f"{part}.{name}"].to(stepped.device, copy=True)
                for part in ("step", "exp_avg", "exp_avg_sq")
                if f"{part}.{name}" in state
            }
            if parts:
                self._adam.state[stepped] = parts

    def _check(self, state: Mapping[str, Tensor]) -> None:
        masters = {n for n, stepped in self._stepped.items() if stepped is not self._trained[n]}
        saved = {name.removeprefix("master.") for name in state if name.startswith("master.")}
        if masters != saved:
            raise CheckpointError(
                "optimiser state: its fp32 masters do not match this run's;"
                " resume with the model.dtype and train.optimizer.fp32_state it was written with"
            )
        for name, stepped in self._stepped.items():
            moment = state.get(f"exp_avg.{name}")
            if moment is not None and moment.shape != stepped.shape:
                raise CheckpointError(
                    f"optimiser state: '{name}' is {list(moment.shape)} there and {list(stepped.shape)} in the model;"
                    " resume with the model it was written with"
                )
