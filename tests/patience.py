"""How long a test waits for what must happen."""

PATIENCE = 180.0
"""Seconds. A busy machine is slow to answer, not wrong: no test asserts a time."""
