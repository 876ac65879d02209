"""From the parts of an address to a target: each parameter is honoured, ignored, left out with a note, or refused."""

import importlib.util
import os
import pwd
import re
from collections.abc import Mapping
from typing import Any

from exporter.dsn.errors import DsnError, HostError
from exporter.dsn.hosts import NO_HOST, Hosts, listed, ported
from exporter.dsn.parameters import SSL_MODES, SSL_WORDS, Use, canonical_value, is_known, may_ask_for_tls, parameter
from exporter.dsn.split import Parts, split
from exporter.dsn.target import ASYNCPG, PSYCOPG, SYSTEM_ROOTS, Target

_VERIFY_FROM = SSL_MODES.index("verify-ca")
_REQUIRE = SSL_MODES.index("require")
_PSYCOPG_NAMES = frozenset({"psycopg", "psycopg_async", "psycopgasync"})
# What asyncpg must not leave out: the connection would be less protected than the URL asks for.
_PROTECTION = frozenset(
    {("gssencmode", "require"), ("sslcertmode", "require"), ("require_auth", None), ("requirepeer", None)}
)
# What must not depend on which of two values a library takes.
_ONCE = frozenset({"sslmode", "ssl", "sslrootcert"})
_PLAIN_FIELDS = (
    "passfile",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "sslpassword",
    "sslcrl",
    "sslcrldir",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
    "sslnegotiation",
    "target_session_attrs",
    "load_balance_hosts",
    "krbsrvname",
    "options",
)


def parse(url: str) -> Target:
    """Understand a URL.

    Raises:
        DsnError: it names no database that can be connected to.
    """
    return assemble(split(url))


def assemble(parts: Parts) -> Target:
    """Understand the parts of an address; the target's notes name what is left out or replaced.

    Raises:
        DsnError: they name no database that can be connected to.
    """
    notes: list[str] = []
    driver = _driver(parts.driver, notes)
    query = _checked(parts, driver, notes)
    user = query.get("user") or parts.user or _own_name()
    password = query.get("password")
    fields: dict[str, Any] = {name: query[name] for name in _PLAIN_FIELDS if name in query}
    fields |= _tls(query) | _name(query) | _timeout(query, notes)
    target = Target(
        driver=driver,
        hosts=_hosts(parts.hosts, query),
        hostaddr=query.get("hostaddr", ""),
        database=query.get("dbname") or query.get("database") or parts.database or user,
        user=user,
        password=(parts.password if password is None else password) or "",
        other=tuple((name, value) for name, value in query.items() if parameter(name).use is Use.LIBPQ),
        notes=tuple(notes),
        **fields,
    )
    _consistent(target)
    return target


def _hosts(authority: Hosts, query: Mapping[str, str]) -> tuple[tuple[str, int], ...]:
    """Return hosts and ports: a parameter's hosts count before the authority's, whose port still counts beside them."""
    named = any(host for host, _ in authority)
    beside = authority[0][1] if len(authority) == 1 else ""
    if "host" in query:
        hosts = listed(query["host"])
    elif named:
        hosts, beside = authority, ""
    else:
        hosts = listed(query["hostaddr"]) if "hostaddr" in query else NO_HOST
    return ported(hosts, query.get("port", ""), beside=beside)


def _driver(name: str, notes: list[str]) -> str:
    """Return the driver that connects: asyncpg replaces each one that is not installed here."""
    if name in ("", ASYNCPG):
        return ASYNCPG
    if name in _PSYCOPG_NAMES and importlib.util.find_spec("psycopg") is not None:
        return PSYCOPG
    notes.append(f"names the driver +{name[:20]}, which the exporter does not have: asyncpg takes its place")
    return ASYNCPG


def _checked(parts: Parts, driver: str, notes: list[str]) -> dict[str, str]:
    """Return the parameters that count."""
    query: dict[str, str] = {}
    for position, (name, given) in enumerate(parts.query):
        if not is_known(name):
            notes.append(_left_out(parts, position))
            continue
        known = parameter(name)
        if known.use is Use.REFUSED:
            raise DsnError(f"has the parameter {name}: {known.why}")
        if known.use is Use.LEFT_OUT:
            notes.append(f"has the parameter {name}, which is left out: {known.why}")
            continue
        if known.use is Use.IGNORED or not given:
            continue
        value = canonical_value(given, known.values)
        if known.values and value not in known.values:
            allowed = SSL_MODES if known.values[: len(SSL_MODES)] == SSL_MODES else known.values
            raise DsnError(f"has a wrong {name}: it must be one of {', '.join(allowed)}")
        if driver == ASYNCPG and known.use is Use.LIBPQ and known.asyncpg is not None and value not in known.asyncpg:
            notes.append(_without(name, value, known.why))
            continue
        _check_text(value)
        if name in _ONCE and query.get(name, value) != value:
            raise DsnError(f"has {name} twice: leave out the one that is not meant")
        # SQLAlchemy's form for several hosts: host=a:1&host=b:2
        query[name] = f"{query[name]},{value}" if name in {"host", "port"} and name in query else value
    return query


def _left_out(parts: Parts, position: int) -> str:
    """Return the note on an unknown parameter.

    Raises:
        DsnError: it may ask for TLS, or be a piece of a password that is not percent-encoded.
    """
    name = parts.query[position][0]
    if not parts.nameable:
        raise DsnError(
            f"has an unknown {parts.name_of(position)}: percent-encode a password (& is %26), or leave it out"
        )
    if may_ask_for_tls(name):
        raise DsnError(
            f"has an unknown {parts.name_of(position)}, which may ask for TLS: say it by sslmode=require, or by "
            "sslmode=verify-full&sslrootcert=FILE"
        )
    return (
        f"has an unknown {parts.name_of(position)}, which is left out "
        "(a server setting is asked for by options=-c%20NAME=VALUE)"
    )


def _without(name: str, value: str, why: str) -> str:
    """Return the note on a parameter that asyncpg cannot honour.

    Raises:
        DsnError: the connection would be less protected without it.
    """
    if {(name, value), (name, None)} & _PROTECTION:
        raise DsnError(
            f"has {name}, which asyncpg cannot honour and which protects the connection: "
            "leave it out, or use postgresql+psycopg://, which honours it"
        )
    return f"has {name}, which is left out: {why or 'asyncpg cannot honour it'}"


def _tls(query: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    words = [query[name] for name in ("sslmode", "ssl") if query.get(name)]
    if not words and query.get("requiressl") == "1":
        words = ["require"]
    if words:  # the stricter one counts: `sslmode=prefer&ssl=true` is no connection without TLS
        found["sslmode"] = max((SSL_WORDS.get(word, word) for word in words), key=SSL_MODES.index)
    elif query.get("sslrootcert") == SYSTEM_ROOTS:
        found["sslmode"] = "verify-full"  # as libpq: the system's root certificates sign for every server
    if query.get("sslaccept") == "strict" and SSL_MODES.index(found.get("sslmode", "prefer")) < _VERIFY_FROM:
        raise DsnError(
            "has sslaccept=strict, which is Prisma's: leave it out, and add sslmode=verify-full&sslrootcert=FILE with "
            "the authority's certificate, or sslrootcert=system"
        )
    if query.get("direct_tls") in {"true", "1"}:
        found["sslnegotiation"] = "direct"
    return found


def _name(query: Mapping[str, str]) -> dict[str, str]:
    name = query.get("application_name") or query.get("fallback_application_name")
    return {"application_name": name} if name else {}


def _timeout(query: Mapping[str, str], notes: list[str]) -> dict[str, float]:
    text = query.get("connect_timeout") or query.get("timeout")
    if text is None:
        return {}
    if not re.fullmatch(r"-?[0-9]{1,6}(\.[0-9]{1,6})?", text):
        notes.append("has a connect_timeout that is not a number of seconds: it is left out")
        return {}
    return {"connect_timeout": float(text)} if float(text) > 0 else {}


def _own_name() -> str:
    """Return libpq's default user: the name of this process's user."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise HostError(
            "names no user, and the user of this process has no name: postgresql://USER@HOST/DATABASE",
        ) from None


def _check_text(text: str) -> None:
    if "\0" in text:
        raise DsnError("holds a NUL byte, which PostgreSQL allows nowhere")
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise DsnError("holds half of a surrogate pair, which is not a character")


def _consistent(target: Target) -> None:
    """Refuse contradictory parameters."""
    mode = SSL_MODES.index(target.sslmode)
    _check_text(target.user + target.password + target.database + "".join(host for host, _ in target.hosts))
    if mode >= _VERIFY_FROM and not target.sslrootcert:
        raise DsnError(
            f"has sslmode={target.sslmode} without sslrootcert: add sslrootcert=FILE with the authority's "
            "certificate, or sslrootcert=system",
        )
    if target.sslrootcert == SYSTEM_ROOTS and target.sslmode != "verify-full":
        raise DsnError("has sslrootcert=system, which needs sslmode=verify-full")
    if target.sslnegotiation == "direct" and mode < _REQUIRE:
        raise DsnError("has sslnegotiation=direct, which needs sslmode=require, verify-ca or verify-full")
    if target.sslkey and not target.sslcert:
        raise DsnError("has sslkey without sslcert: add sslcert=FILE")
    if target.ssl_max_protocol_version and target.ssl_max_protocol_version < target.ssl_min_protocol_version:
        raise DsnError("has ssl_max_protocol_version below ssl_min_protocol_version")
    if target.hostaddr and "," in target.hostaddr:
        raise DsnError("has several addresses in hostaddr: put them into host")
    if target.hostaddr and target.driver == ASYNCPG and target.sslmode == "verify-full":
        raise DsnError("has hostaddr with sslmode=verify-full: leave hostaddr out, or use postgresql+psycopg://")
