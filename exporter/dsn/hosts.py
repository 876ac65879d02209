"""Hosts and ports, in the forms of libpq and SQLAlchemy."""

import re
from typing import NoReturn

from exporter.dsn.errors import HostError

DEFAULT_PORT = 5432
LAST_PORT = 65535
# Hosts with the ports written beside them, which may be missing.
Hosts = tuple[tuple[str, str], ...]
# Where libpq, Debian's and PostgreSQL's own, has its socket; then TCP.
NO_HOST: Hosts = (("/var/run/postgresql", ""), ("/tmp", ""), ("localhost", ""))  # noqa: S108  nothing is written there
_HOST_NAME = re.compile(r"[\w.-]+")
_IPV6 = re.compile(r"[0-9A-Fa-f:.]+(?:%[\w.-]+)?")
_WRONG_IPV6 = "has a wrong IPv6 address: it must be written [::1], or [::1]:5432 with a port"
_PORT = re.compile(r"[0-9]{1,5}")
_SCHEME = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9+.-]{0,40})://")
_SOCKET_FILE = re.compile(r"(/.*?)/*/\.s\.PGSQL\.([0-9]{1,5})")


def listed(text: str) -> Hosts:
    """Hosts separated by commas, each with or without a port of its own.

    Raises:
        HostError: it is a URL.
    """
    scheme = _SCHEME.match(text)
    if scheme is not None:
        refuse_scheme(scheme["name"])
    return tuple(host_and_port(one) for one in text.split(","))


def refuse_scheme(name: str) -> NoReturn:
    """Refuse a URL where a host belongs, such as Kubernetes' own NAME_PORT=tcp://10.0.0.1:5432."""
    if name.lower().startswith("postgres"):
        raise HostError("holds a whole URL in the place of a host: give it as DATABASE_URL")
    raise HostError("has a host that begins with a scheme (such as tcp://): write its name or address alone")


def host_and_port(text: str) -> tuple[str, str]:
    """A host and its port; a bare IPv6 address and a socket's directory have colons of their own."""
    if text.startswith("/"):
        # asyncpg and some frameworks take the socket's file, libpq its directory.
        file = _SOCKET_FILE.fullmatch(text)
        return (file[1], file[2]) if file else (text, "")
    bracketed = re.fullmatch(r"\[([^\]]+)\](?::(.*))?", text)
    if bracketed:
        if not _IPV6.fullmatch(bracketed[1]):
            raise HostError(_WRONG_IPV6)
        return bracketed[1], bracketed[2] or ""
    if text.count(":") > 1:
        return text, ""
    host, _, port = text.partition(":")
    return host, port


def ported(hosts: Hosts, ports: str, *, beside: str = "") -> tuple[tuple[str, int], ...]:
    """Check each host and pair it with its port.

    Args:
        hosts: at least one; one without a name is this machine.
        ports: one for all hosts or one for each; they count before the hosts' own, except for a socket's file.
        beside: the port of a host that has none.
    """
    each = ports.split(",")
    if len(each) == 1:
        each *= len(hosts)
    if len(each) != len(hosts):
        raise HostError(f"has {len(hosts)} hosts and {len(each)} ports: give one port, or one for each host")
    return tuple(
        (_host(host), _port(own if host.startswith("/") and own else one or own or beside))
        for (host, own), one in zip(hosts, each, strict=True)
    )


def _host(text: str) -> str:
    if ":" in text and not text.startswith("/") and not _IPV6.fullmatch(text):
        raise HostError(_WRONG_IPV6)
    if not (text.startswith("/") or ":" in text or _HOST_NAME.fullmatch(text or "localhost")):
        raise HostError("has a host name with a character that no host name has")
    return text or "localhost"


def _port(text: str) -> int:
    if text and not (_PORT.fullmatch(text) and 1 <= int(text) <= LAST_PORT):
        raise HostError("has a wrong port: it must be a number from 1 to 65535")
    return int(text or DEFAULT_PORT)
