"""Benchmarks as a command: `python -m dgm_core bench samplers`. Ratios within one run."""
