"""I say whether this build is ready, and why; I only read evidence."""
