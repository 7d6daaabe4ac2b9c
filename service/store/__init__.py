"""Keeps accounts, conversations and all that must outlive a process, by plain SQL that SQLite and PostgreSQL both take."""
