"""Which chains a response is made of, and what it has in common with another. Offsets are tokens of the response."""

from __future__ import annotations

from dsk.core.roles import ForestView

Line = list[tuple[int, int]]


def lineage(forest: ForestView, chain: int) -> Line:
    """(chain, offset up to which the response is that chain's), from the response's beginning to its end."""
    found: list[tuple[int, int]] = []
    end = forest.start(chain) + len(forest.tokens(chain))
    while chain != -1:
        found.append((chain, end))
        end, chain = forest.start(chain), forest.parent(chain)
    return found[::-1]


def shared(forest: ForestView, one: Line, other: Line) -> int:
    """Tokens that two responses of a tree, by their lineages, have in common because one forked from the other's.

    What was given counts. Equal tokens that were sampled apart do not.
    """
    common = forest.start(one[0][0])
    for (chain, end), (same, until) in zip(one, other, strict=False):
        if chain != same:
            break
        common = min(end, until)
    return common


def place(forest: ForestView, chain: int, offset: int) -> tuple[int, int]:
    """The place in a response's chains that keeps `offset` of its tokens; at a fork, the one in the earlier chain."""
    while forest.parent(chain) != -1 and offset <= forest.start(chain):
        chain = forest.parent(chain)
    return (chain, offset - forest.start(chain)) if len(forest.tokens(chain)) else (-1, 0)
