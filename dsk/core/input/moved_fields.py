"""Fields that a spec once had, answered with what to write now."""

from __future__ import annotations

MOVED = {
    "mode": 'it is a rollout now: for whole responses write "rollout": {"kind": "direct", "samples": 8}; trees are the'
    " default",
    "search": 'its fields are those of the rollout now: write "rollout": {"kind": "tree", ...}, or --set rollout.NAME=;'
    " a cached group's size is replay.samples",
}


def moved_answer(name: str) -> str | None:
    """What to write instead of a field that moved; None for every other name."""
    return MOVED.get(name)
