"""Every parameter of a database URL, and its use with each driver."""

import re
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

BOOLEANS = ("0", "1")
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
# Other words for these: SQLAlchemy's, JDBC's and MySQL's, and node-postgres' own for encryption without verification.
SSL_WORDS = {
    "true": "require", "1": "require", "on": "require", "yes": "require", "required": "require", "no-verify": "require",
    "false": "disable", "0": "disable", "off": "disable", "no": "disable", "disabled": "disable", "preferred": "prefer",
    "verify_ca": "verify-ca", "verify_full": "verify-full", "verify_identity": "verify-full",
}  # fmt: skip
SESSION_ATTRIBUTES = ("any", "read-write", "read-only", "primary", "standby", "prefer-standby")
TLS_VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")


class Use(StrEnum):
    """The use of a parameter."""

    ADDRESS = "where to connect and as whom"
    FIELD = "a field of the target, honoured with both drivers"
    LIBPQ = "honoured by psycopg; with asyncpg only values that change nothing"
    IGNORED = "means nothing to one probe; dropped knowingly"
    LEFT_OUT = "cannot be honoured with any driver, and the address is good without it"
    REFUSED = "cannot be honoured with any driver, and the address is another one without it"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: its use and its values."""

    use: Use
    # Why it is ignored or refused, or why asyncpg may go without.
    why: str = ""
    # The allowed values; empty for any.
    values: tuple[str, ...] = ()
    # The values under which asyncpg behaves as asked; None for any value at all.
    asyncpg: tuple[str, ...] | None = None


def _libpq(*values: str, asyncpg: tuple[str, ...] | None = (), why: str = "") -> Parameter:
    return Parameter(Use.LIBPQ, why, values, asyncpg)


def _each(names: str, parameter: Parameter) -> dict[str, Parameter]:
    return dict.fromkeys(names.split(), parameter)


_KEEPALIVE = _libpq(asyncpg=None, why="a probe has a deadline of its own, far below any keepalive")
_NEVER_ASYNCPG = _libpq()

PARAMETERS = MappingProxyType(
    {
        **_each("host hostaddr port dbname database user password passfile", Parameter(Use.ADDRESS)),
        **_each("sslmode ssl", Parameter(Use.FIELD, values=(*SSL_MODES, *SSL_WORDS))),
        "sslaccept": Parameter(Use.FIELD, values=("strict", "accept_invalid_certs")),  # Prisma's
        **_each("sslrootcert sslcert sslkey sslpassword sslcrl sslcrldir", Parameter(Use.FIELD)),
        **_each("ssl_min_protocol_version ssl_max_protocol_version", Parameter(Use.FIELD, values=TLS_VERSIONS)),
        "sslnegotiation": Parameter(Use.FIELD, values=("postgres", "direct")),
        "direct_tls": Parameter(Use.FIELD, values=("true", "false", "1", "0")),
        "target_session_attrs": Parameter(Use.FIELD, values=SESSION_ATTRIBUTES),
        "load_balance_hosts": Parameter(Use.FIELD, values=("disable", "random")),
        **_each("connect_timeout timeout", Parameter(Use.FIELD)),
        **_each("application_name fallback_application_name options krbsrvname", Parameter(Use.FIELD)),
        "gsslib": Parameter(Use.FIELD, values=("gssapi",)),
        # libpq's own, which asyncpg honours only with the values that are its behaviour anyway.
        "channel_binding": _libpq(
            "disable", "prefer", "require", asyncpg=("disable", "prefer"), why="asyncpg asks for no channel binding"
        ),
        "gssencmode": _libpq("disable", "prefer", "require", asyncpg=("disable", "prefer")),
        "gssdelegation": _libpq(*BOOLEANS, asyncpg=("0",)),
        "sslcertmode": _libpq("disable", "allow", "require", asyncpg=("allow",)),
        "min_protocol_version": _libpq("3.0", "3.2", "latest", asyncpg=("3.0",)),
        "max_protocol_version": _libpq("3.0", "3.2", "latest", asyncpg=None, why="asyncpg speaks 3.0, the lowest"),
        **_each("require_auth requirepeer scram_client_key scram_server_key", _NEVER_ASYNCPG),
        **_each("oauth_issuer oauth_client_id oauth_client_secret oauth_scope", _NEVER_ASYNCPG),
        **_each("keepalives keepalives_idle keepalives_interval keepalives_count tcp_user_timeout", _KEEPALIVE),
        "sslsni": _libpq(*BOOLEANS, asyncpg=None, why="asyncpg always names the host it connects to"),
        # The probe does not depend on these.
        "client_encoding": Parameter(Use.IGNORED, "the drivers speak UTF-8 to the server, whatever this says"),
        "sslcompression": Parameter(Use.IGNORED, "no TLS library compresses any more"),
        "sslkeylogfile": Parameter(Use.IGNORED, "would write the keys of the session into a file"),
        **_each(
            "prepared_statement_cache_size prepared_statement_name_func statement_cache_size "
            "max_cached_statement_lifetime max_cacheable_statement_size prepare_threshold "
            "default_query_exec_mode",
            Parameter(Use.IGNORED, "the exporter prepares no statement that outlives its use"),
        ),
        **_each(
            "command_timeout async_fallback autocommit jit isolation_level echo max_overflow plugin "
            "use_native_hstore executemany_mode encoding conn_max_age",
            Parameter(Use.IGNORED, "of SQLAlchemy's or Django's engine in the application, not of a connection"),
        ),
        **_each(
            "connection_limit pgbouncer schema socket_timeout",
            Parameter(Use.IGNORED, "of Prisma's pool in the application, not of a connection"),
        ),
        # A service file of this container would not be the application's.
        "service": Parameter(Use.REFUSED, "write the address into the URL instead of naming a service file's entry"),
        "servicefile": Parameter(Use.REFUSED, "write the address into the URL"),
        "replication": Parameter(Use.LEFT_OUT, "a replication connection cannot run a probe"),
        # Of libpq before PostgreSQL 14, where it meant sslmode=require.
        "requiressl": Parameter(Use.FIELD, values=BOOLEANS),
    },
)

# dbhealth_: the reporter's own; pool_: every pool's sizes and times, SQLAlchemy's, Prisma's or pgx's.
_IGNORED_PREFIXES = ("dbhealth_", "pool_")


# Other libraries' names: Bun's, pg8000's, dj-database-url's, .NET's.
_ALIASES = {"tls": "ssl", "unix_sock": "host", "ssl_require": "ssl", "ssl_context": "ssl"} | dict.fromkeys(
    ("ssl_mode", "ssl-mode", "ssl mode"), "sslmode"
)
_ENTITY = "amp;"  # what a text that went through HTML or XML has after its `&`
# Prisma's and Go's, without which the server is verified as it is with them.
_ABOUT_OWN_CERTIFICATE = frozenset({"sslidentity", "sslinline"})


def canonical(name: str) -> str:
    """Return the name by which a parameter is known: R2DBC, for one, writes sslMode."""
    lower = name.lower().removeprefix(_ENTITY).strip()
    return _ALIASES.get(lower) or (lower if is_known(lower) else name)


def canonical_value(value: str, values: tuple[str, ...]) -> str:
    """Return the one of `values` that is meant, whatever its case."""
    return next((each for each in values if each.lower() == value.lower()), value)


def may_ask_for_tls(name: str) -> bool:
    """Whether a connection without this unknown parameter may be less protected than it was meant to be."""
    return re.search("ssl|tls", name, re.IGNORECASE) is not None and name.lower() not in _ABOUT_OWN_CERTIFICATE


def is_known(name: str) -> bool:
    """Whether a parameter is known; it may be one that is ignored or refused."""
    return name in PARAMETERS or name.startswith(_IGNORED_PREFIXES)


def parameter(name: str) -> Parameter:
    """The parameter of this name, for which `is_known` is true."""
    return PARAMETERS.get(name) or Parameter(Use.IGNORED, "of a pool or a reporter in the application")
