"""Benchmarks of speed: `dgm bench samplers`. Times are compared within one run."""
