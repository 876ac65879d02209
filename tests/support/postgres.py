"""A real PostgreSQL cluster that a test may start, break, freeze and mend."""

import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from tests.support import processes
from tests.support.certificates import Authority, Pair
from tests.support.ports import free_port
from tests.support.server_factory import ServerFactory
from tests.support.waiting import until

PASSWORD = "p@ss:w/rd %41 #?&="  # characters that a URL must quote
SCHEMES = {"asyncpg": "postgresql", "psycopg": "postgresql+psycopg"}
STOPS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}

CONFIGURATION = """
fsync = off
synchronous_commit = off
max_connections = 30
shared_buffers = 8MB
min_wal_size = 2MB
max_wal_size = 64MB
log_min_messages = warning
log_error_verbosity = verbose
autovacuum = off
include 'test.conf'
"""
ACCESS = (
    "local all all trust",
    "local replication postgres trust",
    "host all all all scram-sha-256",
)


class Postgres:
    """One cluster in a folder of its own; `sql` reaches it over its Unix socket whatever the network does."""

    def __init__(
        self,
        server_factory: ServerFactory,
        data: Path,
        *,
        binaries: Path | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        """Take over a data folder that `initdb` or `pg_basebackup` made."""
        self.server_factory = server_factory
        self.binaries = binaries or server_factory.binaries
        self.data = data
        self.host = host
        self.port = free_port()
        self.prefix: list[str] = []
        self.settings: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._write("postgresql.conf", CONFIGURATION)
        self._write("pg_hba.conf", "\n".join(ACCESS) + "\n")
        self.configure()

    # Life

    def start(self, *, wait: bool = True) -> None:
        """Start, by default wait until connections are accepted."""
        network = "127.0.0.1" if self.host == "127.0.0.1" else "*"
        places = [f"unix_socket_directories={self.data}", f"listen_addresses={network}", f"port={self.port}"]
        command: list[str | Path] = [self.binaries / "postgres", "-D", self.data]
        with (self.data / "log").open("ab") as log:
            self._process = self.server_factory.spawn(
                [*command, *(word for place in places for word in ("-c", place))],
                cwd=self.data,
                output=log,
                prefix=self.prefix,
            )
        if wait:
            until(self._accepts_connections, within=30, what=f"PostgreSQL ready\n{self.log()[-2000:]}")

    def stop(self, mode: str = "fast", *, wait: bool = True) -> None:
        """Shut down the way `pg_ctl stop -m MODE` does."""
        self.process.send_signal(STOPS[mode])
        if wait:
            self.process.wait(timeout=30)

    def kill(self) -> None:
        """Pull the plug: SIGKILL to every process at once."""
        processes.kill(self.process.pid)
        self.process.wait(timeout=10)

    def freeze(self) -> None:
        """Stop every process: the kernel still accepts connections, and no answer comes."""
        processes.freeze(self.process.pid)

    def thaw(self) -> None:
        """End a freeze."""
        processes.thaw(self.process.pid)

    def close(self) -> None:
        """End the server, whatever its state, and delete its data."""
        if self._process is not None and self._process.poll() is None:
            self.thaw()
            self.stop("immediate")
        shutil.rmtree(self.data)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The postmaster."""
        if self._process is None:
            raise RuntimeError("not started")
        return self._process

    def child(self, name: str) -> int | None:
        """The pid of an auxiliary process such as `startup` or `checkpointer`, if there is one."""
        for pid in processes.children(self.process.pid):
            if re.match(rf"postgres: {name}\b", processes.title(pid)):
                return pid
        return None

    def _accepts_connections(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"PostgreSQL did not start: {self.log()[-2000:]}")
        file = self.data / "postmaster.pid"
        lines = file.read_text().splitlines() if file.exists() else []
        mine = lines[:1] == [str(self.process.pid)]
        return mine and len(lines) > 7 and lines[7].strip() in {"ready", "standby"}

    # Settings

    def configure(self, **settings: str | float | bool | None) -> None:
        """Set parameters (None takes one back); a running server reads them before this returns."""
        for name, value in settings.items():
            if value is None:
                self.settings.pop(name, None)
            else:
                self.settings[name] = str(value)
        lines = (f"{name} = '{value.replace(chr(39), chr(39) * 2)}'\n" for name, value in self.settings.items())
        self._write("test.conf", "".join(lines))
        self._reload()

    def allow(self, *lines: str) -> None:
        """Replace pg_hba.conf's lines for network connections."""
        self._write("pg_hba.conf", "\n".join((*ACCESS[:2], *lines)) + "\n")
        self._reload()

    def put(self, name: str, content: bytes | str) -> Path:
        """Write a file beside the data, private to the server."""
        return self._write(name, content)

    def serve_tls(self, pair: Pair, *, clients: Authority | None = None) -> None:
        """Serve TLS with this certificate; `clients` is the authority of client certificates."""
        self.put("server.crt", pair.certificate)
        self.put("server.key", pair.key)
        if clients:
            self.put("clients.crt", clients.certificate)
        self.configure(ssl="on", ssl_ca_file="clients.crt" if clients else None)

    def _write(self, name: str, content: bytes | str) -> Path:
        path = self.data / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.server_factory.give(path, mode=0o600)
        return path

    def _reload(self) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        before = self.value("SELECT pg_conf_load_time()")
        self._process.send_signal(signal.SIGHUP)
        until(lambda: self.value("SELECT pg_conf_load_time()") > before, within=5, what="settings read")

    # Queries

    def connect(self, *, database: str = "app", user: str = "postgres") -> psycopg.Connection[Any]:
        """A superuser's connection over the Unix socket; the caller closes it."""
        place = f"host={self.data} port={self.port} dbname={database} user={user}"
        return psycopg.connect(place, autocommit=True, connect_timeout=5)

    def sql(self, query: str, *values: object, database: str = "app") -> list[tuple[Any, ...]]:
        """Run one statement as superuser."""
        with self.connect(database=database) as connection:
            cursor = connection.execute(query.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def value(self, query: str, *values: object) -> Any:
        """The single value of a query."""
        return self.sql(query, *values)[0][0]

    def sessions(self, user: str = "app") -> int:
        """How many client sessions a role has, as the server sees them."""
        query = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND backend_type = 'client backend'"
        return int(self.value(query, user))

    def log(self) -> str:
        """What the server wrote so far."""
        file = self.data / "log"
        return file.read_text(errors="replace") if file.exists() else ""

    # Addresses

    def url(self, driver: str = "asyncpg", *, host: str = "", port: int = 0, **query: str) -> str:
        """The address for the exporter, as role `app`, with any parameters."""
        user = query.pop("user", "app")
        password = query.pop("password", PASSWORD)
        name = query.pop("database", "app")
        parameters = "&".join(f"{key}={quote(value, safe='/')}" for key, value in query.items())
        place = f"{host or self.host}:{port or self.port}/{name}"
        address = f"{SCHEMES[driver]}://{user}:{quote(password, safe='')}@{place}"
        return f"{address}?{parameters}" if parameters else address

    # Standbys

    def standby(self) -> "Postgres":
        """A streaming hot standby of this server, not yet started."""
        data = self.server_factory.folder("standby", private=True)
        source = ["-h", str(self.data), "-p", str(self.port), "-U", "postgres"]
        self.server_factory.run([self.binaries / "pg_basebackup", "-D", data, *source, "-R", "-c", "fast", "--no-sync"])
        (data / "log").unlink(missing_ok=True)
        return Postgres(self.server_factory, data, binaries=self.binaries)

    def promote(self) -> None:
        """Make a standby a primary."""
        assert self.value("SELECT pg_promote(true, 30)")

    def demote(self) -> None:
        """Restart as a hot standby without a primary, on the same port."""
        self.stop("fast")
        self.put("standby.signal", "")
        self.start()
