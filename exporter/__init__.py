"""db-health-exporter: a sidecar that tells why an application cannot use its database."""

__version__ = "0.1.0"
