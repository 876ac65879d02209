"""`python -m db_health_reporter`: checks whether reports would be sent, and whether an exporter listens for them."""

from __future__ import annotations

import os
import socket
import stat
import sys
from importlib import metadata
from pathlib import Path

import sqlalchemy

from db_health_reporter.autoload import is_asked_for
from db_health_reporter.engine_hook import is_hooked
from db_health_reporter.settings import Settings, parse_address, read_settings

GROUP, NAME = "sqlalchemy.plugins", "dbhealth"
_PROC_NET_UDP = ("/proc/net/udp", "/proc/net/udp6")


def main() -> int:
    """Print one line for each check; return 1 if one fails, else 0."""
    settings = read_settings({}, set())
    checks = (_plugin(), _install(), _listener(settings))
    print(f"db-health-reporter {_version('db-health-reporter')}, SQLAlchemy {sqlalchemy.__version__}")
    for is_right, text in checks:
        print(f"{'ok  ' if is_right else 'FAIL'} {text}")
    return 0 if all(is_right for is_right, _ in checks) else 1


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "(not installed as a distribution)"


def _plugin() -> tuple[bool, str]:
    found = [
        entry.value
        for distribution in metadata.distributions()
        for entry in distribution.entry_points
        if (entry.group, entry.name) == (GROUP, NAME)
    ]
    if found:
        return True, f"plugin: SQLAlchemy finds ?plugin={NAME} ({found[0]})"
    return False, f"plugin: SQLAlchemy does not find ?plugin={NAME}: install the distribution, not the folder alone"


def _install() -> tuple[bool, str]:
    if not is_asked_for():
        return True, "install: DBHEALTH_INSTALL is not set: an engine is reported if its URL or the code asks for it"
    if is_hooked(sqlalchemy.engine.URL):
        return True, "install: DBHEALTH_INSTALL is set and works: every engine is reported"
    return False, "install: DBHEALTH_INSTALL is set, but this interpreter did not run db_health_reporter.pth"


def _listener(settings: Settings) -> tuple[bool, str]:
    address = settings.address
    if settings.is_off:
        return True, "exporter: reports are switched off (DBHEALTH_ADDRESS=off)"
    if address.startswith("unix:"):
        return _unix_listener(address[len("unix:") :])
    host, port = parse_address(address) or ("", 0)
    try:
        family, _, _, _, target = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    except OSError as error:
        return False, f"exporter: {host} cannot be resolved ({error})"
    if not _is_local(family, target):
        return True, f"exporter: {address} is another machine: over UDP it cannot be known whether it listens"
    if _has_local_socket(port):
        return True, f"exporter: something listens at {address}"
    return False, f"exporter: nothing listens at {address}: is the exporter beside this process, in the same pod?"


def _unix_listener(path: str) -> tuple[bool, str]:
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return False, f"exporter: {path} is no socket"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
            probe.connect(path)
    except OSError as error:
        return False, f"exporter: nothing listens at {path} ({error.strerror})"
    return True, f"exporter: something listens at {path}"


def _is_local(family: int, target: tuple[object, ...]) -> bool:
    """Return whether an address is this machine's own: only then can a socket be bound to it."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((target[0], 0, *target[2:]))
    except OSError:
        return False
    return True


def _has_local_socket(port: int) -> bool:
    """Tell whether a UDP socket of this network namespace, a pod's, is bound to the port; sends nothing."""
    tables = [Path(name).read_text() for name in _PROC_NET_UDP if os.path.exists(name)]
    if not tables:  # not on Linux: an address in use means a socket
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            return True
        return False
    locals_ = [line.split()[1] for table in tables for line in table.splitlines()[1:]]
    return any(int(local.rpartition(":")[2], 16) == port for local in locals_)


if __name__ == "__main__":
    sys.exit(main())
