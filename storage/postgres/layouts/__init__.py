"""SQL of the two ways the signals table is cut into weeks, and of the keys it has in both."""
