"""Repeatable measurements, printed beside a peer's and beside the goals."""
