"""The parts of the `transformers` engine: key-value buffers, the prefix tree, attention over both, and drawing tokens."""
