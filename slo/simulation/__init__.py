"""I replay alert windows over a history of traffic and errors, and say what they would have done."""
