"""Tells the db-health-exporter beside an application how the application's SQLAlchemy pools are."""

from db_health_reporter.plugin import DbHealthPlugin, report

__all__ = ["DbHealthPlugin", "report"]
