"""The chatbot service: it answers people's questions and exposes what happened."""

__version__ = "0.1.0"
