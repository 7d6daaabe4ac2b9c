"""I turn the spec into rules, and prove that they fire."""
