"""Validation runs: suites of cases, run unattended, kept and compared."""
