"""I turn the spec into boards."""
