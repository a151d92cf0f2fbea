"""Ablations that can be trusted: studies of many runs, equal budgets, paired statistics, tables and plots."""
