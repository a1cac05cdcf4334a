"""Local servers as owned processes. `demo`, `stack` and the tests run them on one machine."""
