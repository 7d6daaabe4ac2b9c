"""I stand in for an LLM provider over HTTP: seeded latencies, and faults on command."""
