"""The show piece: a real PostgreSQL, a busy application and the exporter, to break and to heal by a key."""
