"""Write examples/data/word_problems.{train,test}.jsonl: short arithmetic word problems, seeded, no overlap."""

import json
import random
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "examples" / "data"
NAMES = ("Anna", "Ben", "Carla", "David", "Ella", "Felix")
THINGS = ("apples", "books", "coins", "marbles", "pencils", "stamps")
TEMPLATES = (
    ("{name} has {a} {thing} and buys {b} more. How many {thing} does {name} have?", lambda a, b: a + b),
    ("{name} has {a} {thing} and gives away {b}. How many {thing} are left?", lambda a, b: a - b),
    ("{name} fills {b} boxes with {a} {thing} each. How many {thing} are in the boxes?", lambda a, b: a * b),
    ("{name} finds {a} {thing}, then {b} more, then {b} more again. How many {thing} is that?", lambda a, b: a + 2 * b),
)


def problems(count: int, seed: int) -> list[dict[str, str]]:
    """`count` different problems with their answers."""
    rng = random.Random(seed)
    found: dict[str, str] = {}
    while len(found) < count:
        text, answer = rng.choice(TEMPLATES)
        b = rng.randint(2, 9)
        a = rng.randint(b + 1, 20)
        found[text.format(name=rng.choice(NAMES), thing=rng.choice(THINGS), a=a, b=b)] = str(answer(a, b))
    return [{"problem": text, "answer": answer} for text, answer in found.items()]


if __name__ == "__main__":
    rows = problems(192, seed=0)
    for name, part in (("train", rows[:128]), ("test", rows[128:])):
        (FOLDER / f"word_problems.{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part))
