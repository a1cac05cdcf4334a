"""The programs that a person runs: command line, HTTP application, daemon, local servers, reference gateway."""
