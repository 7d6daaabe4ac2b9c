"""I ask what users ask, and check the answers."""
