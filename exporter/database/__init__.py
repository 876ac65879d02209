"""Engines, connects, drivers and what a server's answers mean. The ORM is in `sessions`, which is imported apart."""

from exporter.database.engine import check_db_connection, close_db, make_engine

__all__ = ["check_db_connection", "close_db", "make_engine"]
