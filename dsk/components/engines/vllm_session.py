"""The open `vllm` engine: vLLM's engine loop, its traps, and the push of weights into it."""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false, reportArgumentType=false
from __future__ import annotations

import copy
import itertools
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from dsk.core.errors import EngineError, ModelError, RequestError
from dsk.core.model.policy import Policy
from dsk.core.model.weights import Weights
from dsk.core.seeding import derive_seed
from dsk.core.types import Completion, EngineStats, Sample, SampleRequest, StopReason

if TYPE_CHECKING:
    from dsk.components.engines.vllm import Vllm

SETTINGS = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # the engine lives in this process, so that weights can be handed over
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
}
CPU_SETTINGS = {
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",  # binding would pin the trainer's threads too
    "TORCH_COMPILE_DISABLE": "1",  # 2 to 22 seconds per start for nothing in eager mode
}


@dataclass(eq=False)
class Flight:
    """A request under way: its finished samples by index, and the names of the others."""

    request: SampleRequest
    names: set[str] = field(default_factory=set)
    done: dict[int, Sample] = field(default_factory=dict)


@dataclass
class Single:
    """One sample as a request to vLLM. `internal` is the id vLLM aborts by; `version` is set at the first token."""

    flight: Flight
    index: int
    internal: str
    version: int | None = None


class VllmSession:
    """Requests to vLLM and back; one vLLM request per sample, since a seed there is per request."""

    def __init__(self, llm: Any, policy: Policy, fields: Vllm) -> None:
        self.llm, self.engine, self.policy, self.fields, self.version = llm, llm.llm_engine, policy, fields, 0
        self._flights: dict[str, Flight] = {}
        self._singles: dict[str, Single] = {}
        self._finished: list[Completion] = []
        self._seen: set[tuple[int, ...]] = set()
        self._serial = itertools.count()
        self._decoded = self._cached = self._encoded = self._reencoded = self._forwarded = 0
        self._steps = self._rows = 0
        self._model_seconds = self._seconds = 0.0

    def submit(self, request: SampleRequest) -> None:
        """Queue a request. Raises RequestError where it exceeds the model's context."""
        limit = self.llm.llm_engine.model_config.max_model_len
        if not request.prefix or request.n < 1 or request.max_tokens < 1:
            raise RequestError(f"request '{request.id}': needs a prefix, n >= 1 and max_tokens >= 1")
        if len(request.prefix) + request.max_tokens > limit:
            raise RequestError(
                f"request '{request.id}': {len(request.prefix)} prefix + {request.max_tokens} new tokens exceed the"
                f" model's context of {limit}; shorten the prompt or the response"
            )
        flight = self._flights[request.id] = Flight(request)
        for index in range(request.n):
            name, internal = self._add(request.prefix, self._parameters(request, index))
            flight.names.add(name)
            self._singles[name] = Single(flight, index, internal)

    def _add(self, tokens: Sequence[int], parameters: Any) -> tuple[str, str]:
        """Queue with vLLM; the name it answers under, and its internal id."""
        from vllm import TokensPrompt

        name = f"r{next(self._serial)}"
        return name, self.engine.add_request(name, TokensPrompt(prompt_token_ids=list(tokens)), parameters)

    def _parameters(self, request: SampleRequest, index: int) -> Any:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        return SamplingParams(
            max_tokens=request.max_tokens,
            temperature=request.temperature,
            top_p=request.top_p,
            top_k=request.top_k,
            seed=derive_seed(request.seed, index),
            logprobs=0,
            ignore_eos=True,
            stop_token_ids=[*self.policy.eos_ids, *request.stop_tokens],
            stop=list(request.stop_strings),
            include_stop_str_in_output=True,
            detokenize=bool(request.stop_strings),
            output_kind=RequestOutputKind.FINAL_ONLY,
        )

    def poll(self) -> list[Completion]:
        """Step vLLM until a request finishes or nothing is left."""
        start = time.perf_counter()
        while not self._finished and self._flights:
            self._step()
        self._seconds += time.perf_counter() - start
        finished, self._finished = self._finished, []
        return finished

    def _step(self) -> list[Any]:
        """One step of vLLM. Finished samples are taken in; outputs that are none are returned."""
        start = time.perf_counter()
        self._steps += 1
        self._rows += min(len(self._singles), self.fields.max_rows)
        outputs = [output for output in self.engine.step() if output.finished]
        self._model_seconds += time.perf_counter() - start
        for output in outputs:
            if output.request_id in self._singles:
                self._take(output)
        return [output for output in outputs if output.prompt_logprobs is not None]

    def _take(self, output: Any) -> None:
        """Note one finished sample; with the last of a request, its completion."""
        single, drawn = self._singles.pop(output.request_id), output.outputs[0]
        flight, request = single.flight, single.flight.request
        tokens = tuple(drawn.token_ids)
        logprobs = tuple(entry[token].logprob for entry, token in zip(drawn.logprobs, tokens, strict=True))
        version = self.version if single.version is None else single.version
        flight.done[single.index] = Sample(tokens, logprobs, self._reason(tokens, drawn), version)
        flight.names.discard(output.request_id)
        self._count(request.prefix, tokens, output.num_cached_tokens or 0)
        if not flight.names:
            del self._flights[request.id]
            self._finished.append(Completion(request.id, tuple(flight.done[i] for i in range(request.n))))

    def _reason(self, tokens: tuple[int, ...], output: Any) -> StopReason:
        if tokens[-1] in self.policy.eos_ids:
            return "eos"
        return "stop" if output.finish_reason == "stop" else "length"

    def _count(self, prefix: tuple[int, ...], tokens: tuple[int, ...], cached: int) -> None:
        """What vLLM encoded of a prefix it has seen (by another sample, or drawn itself) it encoded again."""
        encoded = len(prefix) - cached
        self._decoded += len(tokens)
        self._cached += cached
        self._encoded += encoded
        self._forwarded += encoded + len(tokens) - 1  # the last token drawn goes through with what follows it
        if prefix in self._seen:
            self._reencoded += encoded
        elif prefix[:-1] in self._seen:
            self._reencoded += encoded - 1
        self._seen |= {prefix, prefix + tokens[:-1]}

    def cancel(self, request_id: str) -> None:
        """Abort a request's samples; unknown ids are ignored."""
        flight = self._flights.pop(request_id, None)
        self._finished = [completion for completion in self._finished if completion.request_id != request_id]
        if flight is not None:
            singles = [self._singles.pop(name) for name in flight.names]
            self.engine.abort_request([single.internal for single in singles], internal=True)

    def sync(self, weights: Weights, version: int) -> None:
        """Push weights; samples under way are encoded again under them and keep their version."""
        states = self.engine.output_processor.request_states
        for single in self._singles.values():
            if single.version is None and not states[single.internal].is_prefilling:
                single.version = self.version
        push_weights(self.llm, weights)
        if not self.engine.reset_prefix_cache(reset_running_requests=True):
            raise EngineError("vllm kept its prefix cache after a weight sync; continue with --resume")
        self._seen.clear()
        self.version = version

    def forget(self) -> None:
        """Drop vLLM's prefix cache. Raises EngineError where it keeps it: requests are under way."""
        if not self.engine.reset_prefix_cache():
            raise EngineError("vllm kept its prefix cache between two units of work; continue with --resume")
        self._seen.clear()

    def score(self, tokens: Sequence[int]) -> list[float]:
        """Log-probability of each token after the first, by vLLM's own prompt scoring."""
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        kind = RequestOutputKind.FINAL_ONLY
        name, _ = self._add(tokens, SamplingParams(max_tokens=1, prompt_logprobs=0, detokenize=False, output_kind=kind))
        self._forwarded += len(tokens)
        while True:
            for output in self._step():
                if output.request_id == name:
                    pairs = zip(output.prompt_logprobs[1:], tokens[1:], strict=True)
                    return [float(entry[token].logprob) for entry, token in pairs]

    def stats(self) -> EngineStats:
        """Counters since the engine was opened."""
        return EngineStats(
            decoded_tokens=self._decoded,
            cached_tokens=self._cached,
            encoded_tokens=self._encoded,
            reencoded_tokens=self._reencoded,
            forward_tokens=self._forwarded,
            model_seconds=self._model_seconds,
            scheduler_seconds=self._seconds - self._model_seconds,
            occupancy=self._rows / max(self._steps * self.fields.max_rows, 1),
        )


@contextmanager
def open_vllm(fields: Vllm, policy: Policy) -> Iterator[VllmSession]:
    """Start vLLM for the policy's architecture, push its weights, and stop it at the end.

    vLLM reseeds torch and replaces `torch.set_num_threads`; both are put back. Raises ModelError where vLLM cannot
    run the model or the memory does not do.
    """
    os.environ.update(SETTINGS | (CPU_SETTINGS if policy.device.type == "cpu" else {}))
    os.environ["VLLM_CPU_KVCACHE_SPACE"] = str(fields.cache_gib)
    os.environ["VLLM_CPU_OMP_THREADS_BIND"] = "nobind"
    set_threads = torch.set_num_threads
    with tempfile.TemporaryDirectory(prefix="dsk-vllm-") as folder, torch.random.fork_rng():
        write_skeleton(policy, folder)
        llm = _start(fields, policy, folder)
        torch.set_num_threads = set_threads
    try:
        with torch.random.fork_rng():
            push_weights(llm, Weights(policy.model))
        yield VllmSession(llm, policy, fields)
    finally:
        _stop(llm)


def write_skeleton(policy: Policy, folder: str) -> None:
    """The policy's configuration and tokenizer; the weights are pushed, so that they need no disk."""
    config = copy.deepcopy(policy.model.config)
    config.architectures = [type(policy.model).__name__]
    if "quantization_config" in config.__dict__:  # a GGUF file's; its weights are plain by now
        del config.quantization_config
    config.save_pretrained(folder)
    policy.tokenizer.save_pretrained(folder)


def _start(fields: Vllm, policy: Policy, folder: str) -> Any:
    from vllm import LLM

    try:
        return LLM(
            model=folder,
            load_format="dummy",
            dtype=str(policy.model.dtype).removeprefix("torch."),
            enforce_eager=fields.eager,
            max_model_len=policy.max_length,
            max_num_seqs=fields.max_rows,
            gpu_memory_utilization=fields.memory_share,
            block_size=fields.block_size,
            enable_prefix_caching=True,
            disable_log_stats=True,
        )
    except (ValueError, RuntimeError) as error:
        first = str(error).strip().splitlines()[0]
        raise ModelError(
            f"engine.kind: vllm cannot start with '{policy.path}': {first};"
            " a larger engine.memory_share or engine.cache_gib may help, or the transformers engine"
        ) from error


def push_weights(llm: Any, weights: Weights) -> None:
    """Give vLLM every weight.

    With tied embeddings on CPU vLLM keeps a packed copy of the old output layer, without any error: pack it again.
    """
    llm.collective_rpc("reload_weights", kwargs={"weights_iterator": iter(list(weights))})
    llm.apply_model(repack_tied_head)


def repack_tied_head(model: Any) -> None:
    """Pack the output layer anew where it shares its storage with the embedding."""
    head = model.lm_head
    if head.weight.data_ptr() == model.model.embed_tokens.weight.data_ptr():
        head.quant_method.process_weights_after_loading(head)


def _stop(llm: Any) -> None:
    from vllm.distributed import cleanup_dist_env_and_memory

    llm.llm_engine.engine_core.shutdown()
    cleanup_dist_env_and_memory()
