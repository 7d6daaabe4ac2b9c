"""I measure speed, per role and complexity, alone and under load."""
