"""What prices say of signals: the enricher as a child of the supervisor, and what the commands share with it."""
