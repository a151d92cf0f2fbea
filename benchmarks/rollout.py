"""Tree search, tokens a second: the authors' way, our two engines, and each engine's ceiling, side by side.

    python benchmarks/rollout.py [--model tiny|smollm2|qwen2-0.5b|qwen2-1.5b] [--dtype D] [--repeats N] [--json FILE]

With --results FILE single runs are added to that file and medians are over all it holds, so that a long measurement
can be spread: --variants names those to run now (none: only the figures).

Work: `--trees` searches of width 8, depth 16 and 32 tokens a step from prompts of 56 tokens, 20 expansions each: down
one branch to the deepest level, whose leaves are judged wrong, and on from the frontier. End-of-sequence ids are
switched off, so that every variant samples the same number of tokens in trees of the same shape; and trees are of
equal size, so that none waits for a slower one (that waiting comes on top: tests/unit/test_scheduler.py).

Variants:
- lockstep: what the authors' code does. One `model.generate` call for all trees at once, in which each of the 8
  samples of a node has its whole prefix encoded. Log-probabilities are left out, which favours it.
- transformers, vllm: our engines under our scheduler. vllm is left out where it is not installed.
- the ceiling of an engine: as many rows as the search has in flight, from the same prompts, each as long as a path
  (512 tokens), followed by shorter ones until the same number of tokens is sampled.

Recompute factor: tokens through the model over distinct ones. A sample's last token goes through the model only when
its node is expanded. Occupancy: share of the rows (trees x 8) at work in an average step. Peak memory: growth of the
process beyond the loaded model, the engine's own weights included; on CUDA, all that was allocated.

Then what search costs besides the model: benchmarks/selection.py.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from policies import NAMES, make_policy  # noqa: E402
from selection import outside_figures, selection_figures  # noqa: E402
from side_by_side import Figure, alternate, figure, show, write  # noqa: E402
from tree_work import Result, Unsolved, Work, result_of  # noqa: E402

VARIANTS = ("lockstep", "transformers", "vllm")
TREES = {"tiny": 4, "smollm2": 1, "qwen2-0.5b": 32, "qwen2-1.5b": 32}
Found = dict[tuple[str, str], list[Result]]


def make_lockstep(model: str, dtype: str, device: str, threads: int, work: Work) -> Callable[[str], Result]:
    """The authors' way."""
    import torch
    from transformers import GenerationConfig

    from dsk.core.training.figures import peak_memory

    torch.set_num_threads(threads)
    policy = make_policy(model, dtype, device)
    policy.model.eval()
    policy.model.generation_config = GenerationConfig(pad_token_id=0)
    before = peak_memory(policy.device) if policy.device.type == "cpu" else 0

    def run(_: str) -> Result:
        jobs, forwarded = work.jobs(policy.model.config.vocab_size), 0
        started = time.perf_counter()
        while requests := [(job, request) for job in jobs for request in job.requests()]:
            forwarded += lockstep_iteration(policy, requests)
        seconds = time.perf_counter() - started
        return result_of(jobs, seconds, forwarded, 0, 1.0, peak_memory(policy.device) - before)

    lockstep_iteration(policy, [(job, *job.requests()) for job in replace(work, step=2).jobs(100)])
    return run


def lockstep_iteration(policy: Any, requests: Sequence[tuple[Any, Any]]) -> int:
    """One expansion of every tree; how many tokens went through the model, padding left out."""
    import torch

    from dsk.core.types import Sample

    rows = [request.prefix for _, request in requests for _ in range(request.n)]
    longest, new = max(map(len, rows)), max(request.max_tokens for _, request in requests)
    ids = torch.tensor([[0] * (longest - len(row)) + list(row) for row in rows], device=policy.device)
    kept = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows], device=policy.device)
    with torch.inference_mode():
        output = policy.model.generate(input_ids=ids, attention_mask=kept, do_sample=True, top_k=0, max_new_tokens=new)
    sampled = output[:, longest:].tolist()
    for job, request in requests:
        mine, sampled = sampled[: request.n], sampled[request.n :]
        ended = job.deliver(request.id, [Sample(tuple(tokens), (-1.0,) * new, "length", 0) for tokens in mine])
        for question, verdict in zip(ended, Unsolved().verify(ended), strict=True):
            job.answer(question.id, verdict)
    return sum(len(row) + new - 1 for row in rows)


def make_engine(kind: str, model: str, dtype: str, device: str, threads: int, work: Work) -> Callable[[str], Result]:
    """Our scheduler and one of our engines; runs are `search` and `flat`, each on an engine with an empty cache."""
    import torch

    from dsk.core.plugins.registry import load_registry
    from dsk.core.training.figures import peak_memory

    torch.set_num_threads(threads)
    policy = replace(make_policy(model, dtype, device), eos_ids=(), max_length=1024)
    policy.model.config.eos_token_id = policy.model.generation_config.eos_token_id = None
    settings = {"max_rows": work.rows} | ({"cache_gib": 2} if kind == "vllm" else {})
    engine = load_registry(()).get("engine", kind)(**settings)  # pyright: ignore[reportCallIssue]
    before = peak_memory(policy.device) if policy.device.type == "cpu" else 0
    vocabulary = policy.model.config.vocab_size

    def run(what: str) -> Result:
        jobs = work.jobs(vocabulary)
        with engine.open(policy) as session:
            started = time.perf_counter()
            samples = (search if what == "search" else flat)(session, jobs)
            seconds, stats = time.perf_counter() - started, session.stats()
        peak = peak_memory(policy.device) - before
        forwarded = stats.encoded_tokens + stats.decoded_tokens - samples
        result = result_of(jobs, seconds, forwarded, stats.cached_tokens, stats.occupancy, peak)
        return replace(result, sampled=stats.decoded_tokens)

    def search(session: Any, jobs: Sequence[Any]) -> int:
        from dsk.core.sampling.questions import Answerers
        from dsk.core.sampling.scheduler import Scheduler

        Scheduler(session, Answerers(Unsolved(), lambda tokens: "", repeatable=engine.repeatable), 1 << 40).run(jobs)
        return sum(job.tree.size - 1 for job in jobs)

    def flat(session: Any, jobs: Sequence[Any]) -> int:
        requests = work.flat(vocabulary)
        for request in requests:
            session.submit(request)
        left = len(requests)
        while left:
            left -= len(session.poll())
        return sum(request.n for request in requests)

    with engine.open(policy) as session:  # what is compiled or allocated once is not measured
        search(session, replace(work, trees=1, expansions=2).jobs(vocabulary))
    return run


def variants_of(names: Sequence[str], *settings: Any) -> tuple[dict[str, Any], dict[str, Sequence[str]]]:
    """What `alternate` is to run; vLLM only where it is installed."""
    from dsk.components.engines.vllm import Vllm

    variants: dict[str, Any] = {name: (make_engine, (name, *settings)) for name in names if name != "lockstep"}
    if "lockstep" in names:
        variants["lockstep"] = (make_lockstep, settings)
    missing = Vllm().missing() if "vllm" in names else None
    if missing:
        print(f"vllm left out, it is not installed: {missing}")
        del variants["vllm"]
    return variants, {name: ("search",) if name == "lockstep" else ("search", "flat") for name in variants}


def kept_results(path: Path | None, fresh: Iterable[tuple[str, str, Result]]) -> Found:
    """Results by (variant, run); with those that the file has of earlier, to which the fresh ones are added."""
    earlier = path.read_text().splitlines() if path and path.exists() else []
    found: Found = {}
    for name, run, fields in map(json.loads, earlier):
        found.setdefault((name, run), []).append(Result(**fields))
    for name, run, result in fresh:
        found.setdefault((name, run), []).append(result)
        if path:
            with path.open("a") as file:
                file.write(json.dumps([name, run, asdict(result)]) + "\n")
    return found


def figures_of(found: Found) -> list[Figure]:
    """Medians of each variant, then the ratios that have targets."""
    rates = {key: statistics.median(r.sampled / r.seconds for r in results) for key, results in found.items()}
    rows = [row for key, results in found.items() for row in variant_figures(" ".join(key), rates[key], results)]
    engines = [name for name, run in found if run == "flat"]
    for name in engines:
        share = rates[name, "search"] / rates[name, "flat"]
        rows.append(figure(f"search over flat, {name}", share, "ratio", ">= 0.85"))
        if ("lockstep", "search") in rates:
            gain = rates[name, "search"] / rates["lockstep", "search"]
            rows.append(figure(f"{name} over lockstep", gain, "x", ">= 3" if name == "transformers" else None))
    if "vllm" in engines:
        first = found["vllm", "search"][0]
        rows.append(figure("cached share of full blocks, vllm", first.cached / first.blocks, "ratio", ">= 0.95"))
        best = max(rates[name, "search"] for name in engines)
        rows.append(figure("best search over flat vllm", best / rates["vllm", "flat"], "ratio", ">= 0.85"))
    return rows


def variant_figures(name: str, rate: float, results: Sequence[Result]) -> list[Figure]:
    """The figures of one variant's runs."""
    first = results[0]
    rows = [figure(f"{name}: tokens a second", rate, "tokens/s")]
    if name.endswith("search"):
        target = "<= 1.02" if name.startswith("transformers") else None
        rows.append(figure(f"{name}: recompute factor", first.forwarded / first.distinct, "ratio", target))
    rows.append(figure(f"{name}: occupancy", first.occupancy, "ratio"))
    return [*rows, figure(f"{name}: peak memory", max(r.peak for r in results) / 2**20, "MiB")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=NAMES, default="smollm2")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), help="default: bfloat16 for Qwen2 shapes")
    parser.add_argument("--trees", type=int, help=f"searches at once (default {TREES})")
    parser.add_argument("--expansions", type=int, default=Work.expansions, help="of each tree")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--variants", choices=VARIANTS, nargs="*", default=VARIANTS)
    parser.add_argument("--results", type=Path, help="file that single runs are added to")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(args.threads)
    args.trees = args.trees or TREES[args.model]
    args.dtype = args.dtype or ("bfloat16" if args.model.startswith("qwen2") else "float32")
    work = Work(args.trees, expansions=args.expansions)
    variants, runs = variants_of(args.variants, args.model, args.dtype, args.device, args.threads, work)
    figures = figures_of(kept_results(args.results, alternate(variants, runs, args.repeats)))
    show(figures)
    if args.json or not args.results:
        for more in (selection_figures, lambda: outside_figures(args.model)):
            new = more()
            show(new)
            figures += new
    write(args.json, figures, **{k: v for k, v in vars(args).items() if k not in ("json", "results", "variants")})


if __name__ == "__main__":
    main()
