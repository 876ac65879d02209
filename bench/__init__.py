"""Repeatable figures, printed beside a peer's and beside the goals."""
