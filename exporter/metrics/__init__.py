"""The metrics for Prometheus. Nothing here does I/O or computes a verdict."""
