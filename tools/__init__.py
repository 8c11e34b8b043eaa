"""What only developers run: page and load benchmarks, hosting checks, README pictures."""
