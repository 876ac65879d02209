"""Reports an application's SQLAlchemy pools to the db-health-exporter beside it."""

TYPE_CHECKING = False  # as typing's, without its import: `autoload` runs in every interpreter of the environment
if TYPE_CHECKING:
    from typing import Any

    from db_health_reporter.plugin import DbHealthPlugin, install, long_lived, report

__all__ = ["DbHealthPlugin", "install", "long_lived", "report"]


def __getattr__(name: str) -> "Any":
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from db_health_reporter import plugin

    return getattr(plugin, name)
