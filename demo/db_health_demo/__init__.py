"""The demo: a real PostgreSQL, a busy application and the exporter, broken and healed by keys."""
