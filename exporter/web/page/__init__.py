"""The page for people: one document without external assets. Imported on first use, which saves memory until then."""
