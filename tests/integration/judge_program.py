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


for line in sys.stdin:
    task = json.loads(line)
    if task["response"] in ("junk", "flood"):
        reply = "junk" if task["response"] == "junk" else "x" * 3_000_000
    else:
        reply = json.dumps(judge(task["problem"], task["response"]))
    sys.stdout.write(reply + "\n")
    sys.stdout.flush()
