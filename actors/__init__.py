"""The actors of the daemon, one a file: sources, parser, writer, cache, health, responder."""
