"""Everything outside the process that holds data, behind small clients that raise typed errors."""
