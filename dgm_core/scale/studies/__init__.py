"""Studies as independent cells on an engine, resumed after an interruption."""
