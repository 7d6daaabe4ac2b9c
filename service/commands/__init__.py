"""The service's command line, one command per file."""
