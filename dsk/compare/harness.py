"""Evaluation files in the layout that users of lm-evaluation-harness read.

`results.json`: `{"results": {TASK: {"pass@1,none", "pass@1_stderr,none", ...}}, "n-samples", "config"}`.
`samples_TASK.jsonl`, one problem a line: `doc_id` (position), `doc` (id and prompt), `target` (reference answer),
`resps` (one list of all samples' texts), `filtered_resps` (the answers extracted from them), `filter`, `metrics`, and
the metric itself, `pass@1`; beyond the harness `correct`, `scores` (0 to 1), `lengths` (tokens) and `truncated`, one
entry a sample.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dsk.compare.evaluation import Answered, Scores
from dsk.core.run.records import write_json, write_jsonl


def sample_rows(answered: Sequence[Answered]) -> Iterator[dict[str, Any]]:
    """One row a problem."""
    for number, item in enumerate(answered):
        yield {
            "doc_id": number,
            "doc": {"id": item.problem.id, "prompt": item.problem.prompt},
            "target": item.problem.answer,
            "resps": [list(item.texts)],
            "filtered_resps": list(item.answers),
            "filter": "none",
            "metrics": ["pass@1"],
            "pass@1": item.rate,
            "correct": list(item.correct),
            "scores": list(item.scores),
            "lengths": list(item.lengths),
            "truncated": list(item.truncated),
        }


def result_row(scores: Scores) -> dict[str, float]:
    """The figures of one task under the harness's names."""
    row = {"pass@1,none": scores.pass_at_1.mean, "pass@1_stderr,none": scores.pass_at_1.error}
    row |= {f"pass@{k},none": value for k, value in scores.pass_at.items() if k > 1}
    row |= {f"maj@{k},none": value for k, value in scores.majority_at.items() if k > 1}
    row |= {} if scores.mean_score is None else {"score,none": scores.mean_score}
    return row | {"length,none": scores.length, "truncated,none": scores.truncated}


def write_results(
    folder: Path, model: str, scores: Mapping[str, Scores], answered: Mapping[str, Sequence[Answered]], settings: Any
) -> None:
    """Write both kinds of file into `folder`."""
    for task, items in answered.items():
        write_jsonl(folder / f"samples_{re.sub(r'[^A-Za-z0-9._-]+', '-', task)}.jsonl", sample_rows(items))
    results = {
        "results": {task: {"alias": task, **result_row(found)} for task, found in scores.items()},
        "n-samples": {task: {"original": s.problems, "effective": s.problems} for task, s in scores.items()},
        "config": {"model": "dsk", "model_args": model, **settings},
    }
    write_json(folder / "results.json", results)
