"""A run as one page: what it was, whether it learnt, where the time went, and what its trees look like."""

from dsk.report.page import write_report

__all__ = ["write_report"]
