"""Writes the dashboard's JSON file."""

from tools.dashboard import build

if __name__ == "__main__":
    build.FILE.parent.mkdir(parents=True, exist_ok=True)
    build.FILE.write_text(build.text())
