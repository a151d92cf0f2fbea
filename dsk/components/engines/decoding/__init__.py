"""The parts of the `transformers` engine: buffers, the prefix tree, attention over both, and drawing tokens."""
