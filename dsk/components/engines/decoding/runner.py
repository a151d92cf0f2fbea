"""The policy's own module, borrowed for decoding: what is checked, what is set, and what is put back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from transformers import PreTrainedModel

from dsk.components.engines.decoding import attention
from dsk.components.engines.decoding.attention import Context
from dsk.components.engines.decoding.drawing import Following
from dsk.components.engines.decoding.packed import PackedLinears
from dsk.core.errors import EngineError
from dsk.core.model.adapters import adapted_layers
from dsk.core.model.architecture import LogitRule, bare_model
from dsk.core.model.weights import Weights

if TYPE_CHECKING:
    from jaxtyping import Float, Int

    from dsk.core.model.value_head import ValueHead


@torch.no_grad()
def load_weights(model: PreTrainedModel, weights: Weights) -> None:
    """Copy weights into a module. Raises EngineError where they are another model's, or it has adapters."""
    if adapted_layers(model):
        raise EngineError("a module with LoRA adapters cannot take merged weights; give the engine a plain one")
    own = dict(model.named_parameters())
    for name, tensor in weights:
        if name not in own or own[name].shape != tensor.shape:
            raise EngineError(f"weight '{name}' {list(tensor.shape)} is not one of the engine's model")
        own[name].copy_(tensor)


class Runner:
    """Forward passes of the policy's module with our attention in place of its own.

    On a CPU a model of at least `pack_from` parameters multiplies with a packed copy of its weights. `forward_tokens`
    counts all tokens that went through the layers, padding included. `rater` is the value head, once it is ready.
    """

    def __init__(self, model: Any, pack_from: int, value_head: ValueHead | None = None) -> None:
        attention.register()
        self.pack_from, self.value_head = pack_from, value_head
        self.forward_tokens = 0
        self.adopt(model)

    def adopt(self, model: Any) -> None:
        """Use `model` as it is now; it has no `sharing_obstacle`."""
        bare = bare_model(model)
        self.model, self.outer = bare, model
        self.body: Any = bare.get_decoder()
        self.head: Any = bare.get_output_embeddings()
        self.rule = LogitRule.of(bare.config)
        self.rater = self.value_head if self.value_head is not None and self.value_head.ready else None
        self.packed = None  # the old copy goes before the new one is made
        if bare.num_parameters() >= self.pack_from:
            self.packed = PackedLinears(bare)

    def load(self, weights: Weights) -> None:
        """Copy weights into the module. Raises EngineError where they are another model's, or it has adapters."""
        load_weights(self.model, weights)

    @torch.no_grad()
    def load_head(self, head: ValueHead | None) -> None:
        """Copy a value head's weights. Raises EngineError where only one side has a head."""
        if (head is None) != (self.value_head is None):
            raise EngineError("the weights and the engine's policy must both have a value head, or neither")
        if head is not None and self.value_head is not None and head is not self.value_head:
            self.value_head.load_state_dict(head.state_dict())

    @contextmanager
    def borrowed(self) -> Iterator[None]:
        """Evaluation mode, no gradients, our attention; what was set before is put back."""
        config, training = self.model.config, self.outer.training
        before = config._attn_implementation
        config._attn_implementation = attention.NAME
        if training:
            self.outer.eval()
        try:
            with torch.inference_mode(), self.packed.installed() if self.packed else nullcontext():
                yield
        finally:
            config._attn_implementation = before
            if training:
                self.outer.train()

    def hidden(
        self, tokens: Int[torch.Tensor, "R M"], positions: Int[torch.Tensor, "R M"], context: Context
    ) -> Float[torch.Tensor, "R M D"]:
        """Last hidden states; keys and values go into the context's suffix buffers."""
        self.forward_tokens += tokens.numel()
        output = self.body(input_ids=tokens, position_ids=positions, use_cache=False, decoding=context)
        return output.last_hidden_state

    def logits(self, hidden: Float[torch.Tensor, "R D"]) -> Float[torch.Tensor, "R V"]:
        """Next-token logits."""
        return self.rule(self.head(hidden))

    def read(self, hidden: Float[torch.Tensor, "R D"]) -> Following:
        """What the states say of what follows them."""
        return Following(self.logits(hidden), None if self.rater is None else self.rater.values(hidden))
