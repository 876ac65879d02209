"""Generates what the charts would otherwise repeat: schemas, names and limits of settings, the library's values."""
