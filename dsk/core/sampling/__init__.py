"""Many jobs on one engine: trees, their open nodes, the scheduler; no torch."""
