"""Reports an application's SQLAlchemy pools to the db-health-exporter beside it."""

from db_health_reporter.plugin import DbHealthPlugin, report

__all__ = ["DbHealthPlugin", "report"]
