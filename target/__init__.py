"""I speak to the chatbot under test, ours or any other: local processes, HTTP, Prometheus, faults."""
