"""Reward functions as a user writes them; the tests copy this file into a working folder."""

import os
import re

LIMIT = 0.5
BOX = re.compile(r"\\boxed\{(-?[0-9]{1,40})\}")


def boxed(prompt, completion, answer, **columns):
    """1 for the last box, one half where it is the answer's neighbour."""
    found = BOX.findall(completion[-300:])
    if not found or not answer.lstrip("-").isdigit():
        return 0.0
    return {0: 1.0, 1: 0.5}.get(abs(int(found[-1]) - int(answer)), 0)


def digits(completion, answer):
    """All of it for a right letter, three tenths for anything else."""
    return 1.0 if set(completion) & {answer, *"0123"} else 0.3


def misbehaving(completion):
    if completion == "hang":
        while True:
            pass
    if completion == "memory":
        return len(bytearray(1 << 36))
    if completion == "die":
        os._exit(3)
    if completion == "print":
        os.write(1, b"noise\n")
        print('{"score": 1}')  # noqa: T201 - what a user's function may do
    if completion == "raise":
        return float("x")
    if completion == "leave":
        raise SystemExit(3)
    return {
        "nan": float("nan"), "infinite": float("inf"), "text": "0.5", "none": None, "list": [0.5], "negative": -0.1,
        "large": 1.5, "huge": 10**400, "true": True, "whole": 1, "nothing": 0,
    }.get(completion, 0.25)  # fmt: skip


def told(prompt, completion, answer, **columns):
    """1 where everything arrives as it was stated."""
    given = (prompt, completion, answer, columns)
    return given == ([{"role": "user", "content": "q"}], "r", "4", {"level": 3, "tags": ["a"]})


def by_level(completion, level, *, bonus=0.0):
    return level / 10 + bonus


async def later(completion):
    return 1.0


def batch(completions, **columns):
    return [1.0 for _ in completions]


def placed(completion, /):
    return 1.0
