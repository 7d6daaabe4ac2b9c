"""The store past one machine: PostgreSQL, one transaction for each piece of work."""
