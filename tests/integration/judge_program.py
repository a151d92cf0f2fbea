"""A user's verifier program: compares the last box, and misbehaves on request."""

import json
import sys


def judge(problem: dict, response: str) -> dict:
    """The verdict on one response."""
    if response == "hang":
        while True:
            pass
    if response == "die":
        sys.exit(3)
    if response == "memory":
        bytearray(1 << 36)
    if response == "echo":
        return {"correct": False, "answer": json.dumps(problem, sort_keys=True)}
    answer = response.rpartition("\\boxed{")[2].partition("}")[0]
    return {
        "correct": answer == problem["answer"],
        "answer": answer,
        "reason": "same" if answer == problem["answer"] else "other",
    }


LINES = {
    "junk": "junk",
    "flood": "x" * 3_000_000,
    "twice": '{"correct": false}\n{"correct": true}',
    "share": '{"correct": 0.3}',
    "one": '{"correct": 1}',
    "nan": '{"correct": NaN}',
    "null": '{"correct": null}',
    "text": '{"correct": "yes"}',
    "number": '{"correct": true, "answer": 72}',
    "share of points": '{"correct": true, "score": 0.3}',
    "score of text": '{"correct": true, "score": "0.3"}',
    "score of nothing": '{"correct": true, "score": null}',
    "score of truth": '{"correct": true, "score": true}',
    "score beyond": '{"correct": true, "score": 1.01}',
    "score not a number": '{"correct": true, "score": NaN}',
    "points": '{"correct": true, "points": 0.3}',
    "list": "[true]",
    "posing": '{"reason": "timeout"}',
}

for line in sys.stdin:
    task = json.loads(line)
    reply = LINES.get(task["response"]) or json.dumps(judge(task["problem"], task["response"]))
    sys.stdout.write(reply + "\n")
    sys.stdout.flush()
