"""What the outside asks: one file a resource."""
