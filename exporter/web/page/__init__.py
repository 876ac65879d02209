"""The page for people at `/`, imported when somebody first asks for it: saves 0.25 MB until then."""
