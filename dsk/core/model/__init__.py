"""The policy: where a model comes from, its files, adapters, threads."""
