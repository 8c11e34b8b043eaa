"""Programs for developers: benchmarks, hosting checks, documentation and README pictures."""
