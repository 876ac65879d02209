"""Engines, connections, drivers, and which outcome an error means.

What a verdict makes of outcomes is in `diagnosis`. The ORM is in `sessions`, imported apart to save memory.
"""

from exporter.database.engine import check_db_connection, close_db, make_engine

__all__ = ["check_db_connection", "close_db", "make_engine"]
