"""The outermost decisions on a request: whose address it comes from, which host it names, which page sent it, what every answer carries."""
