"""Benchmarks: this system beside what it stands on, in one run; ``make bench``, docs/performance.md."""
