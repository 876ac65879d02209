"""Writes the tables of docs/reference from the code itself, so that they cannot drift."""
