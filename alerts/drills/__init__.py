"""I break the running service from outside, and show that its alert fires, is delivered, and goes away again."""
