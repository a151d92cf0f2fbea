"""Worker processes that can be killed: what hangs, floods or dies in one costs an answer, never the run."""
