"""What values.yaml says beside the values: the comments that describe them, and the part that the library shares."""

import re

SHARED = ("nameOverride", "fullnameOverride", "commonLabels", "database", "databases", "exporter")
_KEY = re.compile(r"(?P<indent> *)(?P<key>[A-Za-z][A-Za-z0-9-]*):")
_HEAD = "# `make generate` cuts these values out of the chart's values.yaml: do not edit them here.\n"


def descriptions(text: str) -> dict[str, str]:
    """The comment `# -- ...` above each value, by the value's path."""
    found: dict[str, str] = {}
    path: list[str] = []
    comment: list[str] = []
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("# -- "):
            comment = [re.sub(r"^\((\w+)\) ", "", stripped.removeprefix("# -- "))]  # (int): a type for helm-docs
        elif stripped.startswith("# ") and comment:
            comment.append(stripped.removeprefix("# "))
        elif match := _KEY.match(line):
            path = [*path[: len(match["indent"]) // 2], match["key"]]
            if comment:
                found[".".join(path)] = " ".join(comment)
            comment = []
    return found


def library_values(text: str) -> str:
    """The library's values.yaml: the keys that it shares with the chart, comments and all."""
    found: dict[str, list[str]] = {}
    key = ""
    above: list[str] = []
    for line in text.splitlines(keepends=True):
        if match := re.match(r"([A-Za-z][A-Za-z0-9-]*):", line):
            key = match[1]
            found[key] = [*above, line]
            above = []
        elif line.startswith("#"):
            above.append(line)
        elif line.startswith(" "):
            found[key] += [*above, line]
            above = []
    nested = {"database", "databases", "exporter"}
    parts = [("\n" if name in nested else "") + "".join(found[name]) for name in SHARED]
    return _HEAD + "".join(parts)
