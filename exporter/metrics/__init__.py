"""What Prometheus reads. Nothing here does I/O or computes a verdict."""
