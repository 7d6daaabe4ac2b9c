"""Keeps accounts, conversations and revoked tokens in SQLite, by plain SQL."""
