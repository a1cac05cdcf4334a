"""The engine's database: connections, schema, and one file a table."""
