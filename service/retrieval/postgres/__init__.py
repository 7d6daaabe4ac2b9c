"""Passages in PostgreSQL: the store past one machine. Same terms, same BM25, same ranking as the embedded index."""
