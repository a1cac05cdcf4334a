"""What a person runs: command line, HTTP application, logging, metrics, local servers, reference gateway."""
