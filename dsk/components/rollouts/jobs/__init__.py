"""The state machines that rollouts start."""
