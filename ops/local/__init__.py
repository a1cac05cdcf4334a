"""Local servers as owned processes: what `demo`, `stack` and the tests run on one machine."""
