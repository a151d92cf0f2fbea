"""What a plugin author's tests are built from: contract suites, one per role, and the golden replay."""
