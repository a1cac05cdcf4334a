"""What runs actors, and the words they use. Knows nothing of HTTP, SQL or Redis."""
