"""Hosts and ports out of the ways in which libpq and SQLAlchemy write them."""

import re

from exporter.dsn.split import HostError

DEFAULT_PORT = 5432
LAST_PORT = 65535
# Where libpq, Debian's and PostgreSQL's own, has its socket; then TCP.
NO_HOST = "/var/run/postgresql,/tmp,localhost"


_HOST_NAME = re.compile(r"[\w.-]+")
_IPV6 = re.compile(r"[0-9A-Fa-f:.]+(?:%[\w.-]+)?")
_PORT = re.compile(r"[0-9]{1,5}")


def hosts_and_ports(hosts: str, ports: str, *, beside: str = "") -> tuple[tuple[str, int], ...]:
    """Pair each host with its port.

    Args:
        hosts: separated by commas, each with a port of its own or not.
        ports: one for all hosts or one for each; they count before the hosts' own.
        beside: the port of a host that has none.
    """
    pairs = [host_and_port(host) for host in hosts.split(",")]
    listed = ports.split(",")
    if len(listed) == 1:
        listed *= len(pairs)
    if len(listed) != len(pairs):
        raise HostError(f"has {len(pairs)} hosts and {len(listed)} ports: give one port, or one for each host")
    return tuple((host, _port(one or own or beside)) for (host, own), one in zip(pairs, listed, strict=True))


def host_and_port(text: str) -> tuple[str, str]:
    """A host and its port; a bare IPv6 address and a socket's directory have colons of their own."""
    if text.startswith("/"):
        return text, ""
    bracketed = re.fullmatch(r"\[([^\]]+)\](?::(.*))?", text)
    if bracketed or text.count(":") > 1:
        address, port = (bracketed[1], bracketed[2] or "") if bracketed else (text, "")
        if not _IPV6.fullmatch(address):
            raise HostError("has a wrong IPv6 address: it must be written [::1], or [::1]:5432 with a port")
        return address, port
    host, _, port = text.partition(":")
    if host and not _HOST_NAME.fullmatch(host):
        raise HostError("has a host name with a character that no host name has")
    return host or "localhost", port


def _port(text: str) -> int:
    if text and not (_PORT.fullmatch(text) and 1 <= int(text) <= LAST_PORT):
        raise HostError("has a wrong port: it must be a number from 1 to 65535")
    return int(text or DEFAULT_PORT)
