"""Everything needed to open one connection, and each driver's arguments for it."""

import ipaddress
import os
import random
import ssl
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from exporter.dsn import files
from exporter.dsn.errors import DsnError

ASYNCPG = "asyncpg"
PSYCOPG = "psycopg"
APPLICATION_NAME = "db-health-exporter"
SYSTEM_ROOTS = "system"
_OWN_FILES = ("sslcert", "sslkey")
_OPTIONAL = frozenset({"allow", "prefer"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One place to connect to; no secret in its repr."""

    driver: str
    hosts: tuple[tuple[str, int], ...]  # a host that begins with / is the directory of a socket
    database: str
    user: str
    password: str = field(default="", repr=False)
    hostaddr: str = ""
    passfile: str = ""
    sslmode: str = "prefer"
    sslrootcert: str = ""
    sslcert: str = ""
    sslkey: str = ""
    sslpassword: str = field(default="", repr=False)
    sslcrl: str = ""
    sslcrldir: str = ""
    ssl_min_protocol_version: str = "TLSv1.2"
    ssl_max_protocol_version: str = ""
    sslnegotiation: str = "postgres"
    connect_timeout: float | None = None
    target_session_attrs: str = "any"
    load_balance_hosts: str = "disable"
    krbsrvname: str = "postgres"
    application_name: str = APPLICATION_NAME
    options: str = ""
    other: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # libpq's own, for psycopg
    # What was given and is left out or replaced: each follows the name of the setting in a sentence.
    notes: tuple[str, ...] = field(default=(), compare=False)
    setting: str = field(default="", compare=False)  # what the user changes to change this target

    @property
    def sentences(self) -> tuple[str, ...]:
        """The notes as whole sentences, with what a file's state adds now."""
        why = self._why_no_passfile()
        now = (f"has passfile, which names {why}; it is left out",) if why else ()
        return tuple(f"{self.setting} {note}" for note in (*self.notes, *now))

    @property
    def server(self) -> str:
        """`host:port` of each host, by which applications that share a server are found; empty where none can be told.

        A socket, a loopback address (a proxy) and a name without a dot, which Kubernetes completes by namespace, mean
        another server in each pod or namespace.
        """
        if not all(_means_the_same_everywhere(host) for host, _ in self.hosts):
            return ""
        return ",".join(sorted(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.hosts))

    def connect_arguments(self) -> dict[str, Any]:
        """Return keyword arguments for `asyncpg.connect` or `psycopg.AsyncConnection.connect`, files read anew.

        Raises:
            DsnError: a certificate or a key cannot be used; its cause is an `ssl.SSLError` or an `OSError`.
        """
        try:
            self._check_files()
            return {ASYNCPG: self._for_asyncpg, PSYCOPG: self._for_psycopg}[self.driver]()
        except DsnError as error:
            raise DsnError(f"{self.setting} {error}".lstrip()) from error.__cause__

    @property
    def _mode(self) -> str:
        """The `sslmode` that counts: a Unix socket knows no TLS, and needs none of its files."""
        return self.sslmode if self.hostaddr or not all(host.startswith("/") for host, _ in self.hosts) else "disable"

    def _check_files(self) -> None:
        used = {"disable": (), "allow": _OWN_FILES, "prefer": _OWN_FILES}
        for name in used.get(self._mode, (*_OWN_FILES, "sslrootcert", "sslcrl")):
            path = getattr(self, name)
            if path and path != SYSTEM_ROOTS:
                try:
                    files.content(path)
                except files.UnusableFileError as error:
                    # By this cause the error is classified as `tls`.
                    raise DsnError(f"has {name}, which names {error}") from ssl.SSLError(name)
        if self.sslcert and (self._mode in _OPTIONAL or (self._mode != "disable" and self.driver == PSYCOPG)):
            # Drivers load these by themselves: libpq asks on a terminal for a key's password, and waits forever.
            trial = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            trial.set_ciphers("DEFAULT:@SECLEVEL=0")  # the driver decides which signatures are too weak
            self._load_own(trial)

    def _why_no_passfile(self) -> str:
        return files.why_no_password_file(self.passfile) if self.passfile and not self.password else ""

    def _passfile_arguments(self) -> dict[str, Any]:
        """The password file, where it counts: about one that they ignore, drivers print a warning of their own."""
        if not self.passfile or self.password or self._why_no_passfile():
            return {}
        return {"passfile": self.passfile, "password": None}

    def _load_own(self, context: ssl.SSLContext) -> None:
        if self.sslcert:
            # A password of "" instead of none keeps OpenSSL from asking on the terminal.
            key, password = self.sslkey or None, self.sslpassword
            _load("sslcert or sslkey", lambda: context.load_cert_chain(self.sslcert, key, lambda: password))

    def _for_asyncpg(self) -> dict[str, Any]:
        """Every argument is given, so that no variable or file of this container decides one."""
        hosts = list(self.hosts)
        if self.load_balance_hosts == "random":
            random.shuffle(hosts)
        arguments: dict[str, Any] = {
            "host": [self.hostaddr or host for host, _ in hosts],
            "port": [port for _, port in hosts],
            "database": self.database,
            "user": self.user,
            "password": self.password,
            "ssl": self._asyncpg_ssl(),
            "direct_tls": self.sslnegotiation == "direct",
            "target_session_attrs": self.target_session_attrs,
            "krbsrvname": self.krbsrvname,
            "gsslib": "gssapi",
            "server_settings": self._server_settings(),
            # Through PgBouncer a statement may be prepared on one server and run on another.
            "statement_cache_size": 0,
        }
        arguments |= self._passfile_arguments()
        if self.connect_timeout:
            arguments["timeout"] = self.connect_timeout
        if self._mode in _OPTIONAL:
            arguments["dsn"] = self._advisory_tls()
        return arguments

    def _server_settings(self) -> dict[str, str]:
        """No more than was asked for: PgBouncer refuses start-up parameters that it does not know."""
        settings = {"application_name": self.application_name, "options": self.options}
        return {name: value for name, value in settings.items() if value}

    def _asyncpg_ssl(self) -> bool | str | ssl.SSLContext:
        if self._mode == "disable":
            return False
        # Only by these names does asyncpg try the other kind of connection when the server has not this one.
        return self._mode if self._mode in _OPTIONAL else self._context()

    def _advisory_tls(self) -> str:
        """The remaining TLS parameters under `prefer`, which asyncpg takes from a URL only."""
        names = ("sslcert", "sslkey", "sslpassword", "ssl_min_protocol_version", "ssl_max_protocol_version")
        return "postgresql://?" + urlencode({name: value for name in names if (value := getattr(self, name))})

    def _context(self) -> ssl.SSLContext:
        """Libpq's rules: `require` verifies the authority if a root certificate is named."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = self.sslmode == "verify-full"
        context.verify_mode = ssl.CERT_REQUIRED if self.sslrootcert else ssl.CERT_NONE
        context.minimum_version = _version(self.ssl_min_protocol_version)
        if self.ssl_max_protocol_version:
            context.maximum_version = _version(self.ssl_max_protocol_version)
        context.set_alpn_protocols(["postgresql"])
        if self.sslrootcert == SYSTEM_ROOTS:
            context.load_default_certs()
        elif self.sslrootcert:
            _load("sslrootcert", lambda: context.load_verify_locations(cafile=self.sslrootcert))
        if self.sslcrl or self.sslcrldir:
            where = {"cafile": self.sslcrl or None, "capath": self.sslcrldir or None}
            _load("sslcrl", lambda: context.load_verify_locations(**where))
            context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
        self._load_own(context)
        return context

    def _for_psycopg(self) -> dict[str, Any]:
        names = (
            "hostaddr user password sslmode sslrootcert sslcert sslkey sslpassword sslcrl sslcrldir "
            "ssl_min_protocol_version ssl_max_protocol_version sslnegotiation target_session_attrs "
            "load_balance_hosts krbsrvname application_name options"
        )
        return {
            "host": ",".join(host for host, _ in self.hosts),
            "port": ",".join(str(port) for _, port in self.hosts),
            "dbname": self.database,
            # Kerberos encryption is tried first where a ticket cache exists: not unless asked for.
            "gssencmode": "disable",
            "channel_binding": "prefer",
            **{name: value for name in names.split() if (value := getattr(self, name))},
            **({"connect_timeout": max(1, round(self.connect_timeout))} if self.connect_timeout else {}),
            **self._passfile_arguments(),
            **dict(self.other),
            # Any password, where none is given: libpq would ask on the terminal for that of a key replaced just now.
            **({"sslpassword": self.sslpassword or "-"} if self.sslcert else {}),
            # As statement_cache_size above.
            "prepare_threshold": None,
        }


def isolate(environ: MutableMapping[str, str]) -> None:
    """Forget the variables and the home directory that drivers read behind our back.

    `~/.pgpass`, `~/.postgresql/*`, `PGHOST`, `PGSSLMODE` and their like would change a connection in silence.
    """
    for name in [name for name in environ if name.startswith("PG") or name == "SSLKEYLOGFILE"]:
        del environ[name]
    environ["HOME"] = os.devnull


def _version(name: str) -> ssl.TLSVersion:
    return ssl.TLSVersion[name.replace(".", "_")]


def _load(name: str, load: Callable[[], None]) -> None:
    try:
        load()
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        why = "is not PEM, key and certificate differ, or sslpassword is wrong or missing"
        raise DsnError(f"has {name}, which cannot be loaded: it {why}") from error


def _means_the_same_everywhere(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return "." in host and not host.startswith("/")
