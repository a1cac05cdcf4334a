"""Events for other systems: their envelope and their description."""
