"""A user's scorer program: the share of digits in the last step, and misbehaviour on request."""

import json
import sys

LINES = {
    "junk": "junk",
    "twice": '{"score": 0}\n{"score": 1}',
    "beyond": '{"score": 1.5}',
    "nan": '{"score": NaN}',
    "true": '{"score": true}',
    "text": '{"score": "high"}',
    "nothing": "{}",
    "verdict": '{"correct": true, "score": 1}',
    "list": "[1]",
}


def score(task: dict) -> float:
    """The score of the last step."""
    step = task["steps"][-1]
    if step == "hang":
        while True:
            pass
    if step == "die":
        sys.exit(3)
    if step == "memory":
        bytearray(1 << 36)
    if step == "echo":
        expected = {"id": "id", "prompt": [{"role": "user", "content": "q"}], "answer": "4", "meta": {}}
        return float(task == {"problem": expected, "steps": ["a", "b", "echo"]})
    return sum(character.isdigit() for character in step) / max(len(step), 1)


for line in sys.stdin:
    task = json.loads(line)
    reply = LINES.get(task["steps"][-1]) or json.dumps({"score": score(task)})
    sys.stdout.write(reply + "\n")
    sys.stdout.flush()
