"""How long a test waits for an expected event."""

PATIENCE = 180.0
"""Seconds. A busy machine is slow to answer, not wrong: no test asserts a time."""
