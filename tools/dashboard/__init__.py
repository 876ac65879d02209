"""Builds the Grafana dashboard, a module for each row of it: `python -m tools.dashboard` writes the JSON file."""
