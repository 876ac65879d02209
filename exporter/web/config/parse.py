"""Parses the file: a command of its own, so that PyYAML's 3.6 MB of memory end with the process that needs them.

The form is that of prometheus/exporter-toolkit (docs/web-configuration.md, web/tls_config.go, web/handler.go).
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.dsn.files import UnusableFileError, text
from exporter.web.config.model import RateLimit, WebConfig, WebConfigError
from exporter.web.config.parse_tls import parse_tls
from exporter.web.config.yaml_nodes import Value, read

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROOT = ("tls_server_config", "http_server_config", "basic_auth_users", "rate_limit")
# Which headers may be set, and to what where only some values have a meaning.
_HEADERS: dict[str, tuple[str, ...]] = {
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
    "Content-Security-Policy": (),
}
_BCRYPT = re.compile(r"\$2[aby]\$(?:0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}")
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_LONGEST = 2**63 / 1e9  # seconds; Go counts nanoseconds in 64 bits
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse(content: str, *, folder: Path) -> WebConfig:
    """Parse a file's content.

    Args:
        content: YAML.
        folder: where the file is; relative paths begin there.

    Raises:
        WebConfigError: what is wrong, with the key.
    """
    root = read(content).mapping(_ROOT)
    tls, notes = parse_tls(root.get("tls_server_config", Value(None)), folder)
    http = root.get("http_server_config", Value(None)).mapping(("http2", "headers"))
    if "http2" in http and http["http2"].boolean():
        notes.append("http_server_config.http2: HTTP/2 is not served, HTTP/1.1 is")
    rate_limit = _rate_limit(root.get("rate_limit", Value(None)))
    if rate_limit is not None and not rate_limit.burst:
        notes.append("rate_limit.burst: with a burst of 0 every request is refused by 429")
    return WebConfig(
        tls=tls,
        headers=_headers(http.get("headers", Value(None))),
        users=_users(root.get("basic_auth_users", Value(None))),
        rate_limit=rate_limit,
        notes=tuple(notes),
    )


def _headers(section: Value) -> dict[str, str]:
    found = {}
    for name, value in section.mapping(_HEADERS).items():
        wanted, allowed = value.text(), _HEADERS[name]
        if allowed and wanted not in allowed:
            raise value.error(f"must be {' or '.join(allowed)}")
        if not wanted.isprintable() or not wanted.isascii():
            raise value.error("must be one line of printable ASCII")
        if wanted:
            found[name] = wanted
    return found


def _users(section: Value) -> dict[str, str]:
    found = {}
    for name, value in section.mapping().items():
        found[name] = value.text()
        if not _BCRYPT.fullmatch(found[name]):
            raise value.error("must be a bcrypt hash, as `htpasswd -nB` makes it: $2y$10$ and 53 characters")
    return found


def _rate_limit(section: Value) -> RateLimit | None:
    given = section.mapping(("interval", "burst"))
    interval = _duration(given["interval"]) if "interval" in given else 0.0
    burst = given["burst"].integer() if "burst" in given and not given["burst"].empty else 0
    return RateLimit(interval, burst) if interval else None


def _duration(value: Value) -> float:
    """Return the seconds of Go's notation: 1s, 1m30s, 500ms; 0 is off."""
    text = value.text()
    if text in {"", "0"}:
        return 0.0
    parts = _DURATION.findall(text)
    if "".join(number + unit for number, unit in parts) != text:
        raise value.error("must be a duration with its unit, as 1s, 500ms or 1m30s")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if seconds >= _LONGEST:
        raise value.error("must be a duration of less than 292 years")
    return seconds


def parse_file(path: str) -> WebConfig:
    """Read and parse a file.

    Raises:
        WebConfigError: what is wrong, in a sentence that names the file and the key.
    """
    try:
        content = text(path, may_be_empty=True)
    except UnusableFileError as error:
        raise WebConfigError(f"WEB_CONFIG_FILE names {error}") from None
    try:
        return parse(content, folder=Path(path).parent)
    except WebConfigError as error:
        raise WebConfigError(f"WEB_CONFIG_FILE {path}: {error}") from None


def main(arguments: Sequence[str]) -> int:
    """Print what a file holds as JSON, or the problem; return the exit status."""
    try:
        sys.stdout.write(parse_file(arguments[0]).to_json())
    except WebConfigError as error:
        sys.stdout.write(json.dumps({"problem": str(error)}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
