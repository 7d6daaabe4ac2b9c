"""What the chatbot can look up, one tool per file."""
