"""Who is asking: passwords, tokens and what a role may do."""
