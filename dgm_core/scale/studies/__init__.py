"""Sweeps of a study as independent cells on an engine, resumed after a kill."""
