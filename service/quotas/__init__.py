"""How often somebody may ask: limits, and who counts."""
