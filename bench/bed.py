"""The measured programs: the exporter as in its image, its peer, and the PostgreSQL behind both."""

from __future__ import annotations

import http.client
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support import certificates
from tests.support.certificates import Authority
from tests.support.ports import free_port
from tests.support.template import make_template

if TYPE_CHECKING:
    from contextlib import ExitStack
    from typing import Any

    from tests.support.postgres import Postgres
    from tests.support.server_factory import ServerFactory

ROOT = Path(__file__).parent.parent
PEER = "prometheus-postgres-exporter"
WARM_UP = 100  # requests to each endpoint, each on a connection of its own


@dataclass(frozen=True)
class Program:
    """An exporter's source and the interpreter that runs it."""

    root: Path = ROOT
    python: str = sys.executable


class Bed:
    """One PostgreSQL; with TLS where the machine has a PostgreSQL of its distribution."""

    def __init__(self, server_factory: ServerFactory, stack: ExitStack) -> None:
        """Start the server and compile the exporter once."""
        self.server_factory, self._stack = server_factory, stack
        self.tls = any(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        template = make_template(
            server_factory, server_factory.system_binaries if self.tls else server_factory.binaries
        )
        self.server: Postgres = template.copy()
        stack.callback(self.server.close)
        self.parameters: dict[str, Any] = {}
        if self.tls:
            authority = Authority()
            self.server.serve_tls(authority.server("127.0.0.1"))
            root = certificates.write(server_factory.folder("tls"), "root.crt", authority.certificate)
            self.parameters = {"sslmode": "verify-full", "sslrootcert": root}
        self.server.start()
        self.server.sql("CREATE ROLE peer LOGIN SUPERUSER PASSWORD 'peer'")
        self._bytecode = server_factory.folder("bytecode")
        compiling = self.exporter()
        compiling.warm(1)
        compiling.end()

    def exporter(self, program: Program | None = None, *, cgroup: str = "", **environment: str) -> Exporter:
        """Start an exporter as the image does: with -OO, without column tables, from bytecode, with every default."""
        url = self.server.url(**self.parameters)
        optimised = {
            "PYTHONOPTIMIZE": "2",
            "PYTHONNODEBUGRANGES": "1",
            "PYTHONPYCACHEPREFIX": str(self._bytecode),
        }
        variables = {"DATABASE_URL": url, **optimised, **environment}
        made = Exporter(program or Program(), variables, cgroup=cgroup)
        self._stack.callback(made.end)
        return made

    def peer(self) -> Peer | None:
        """Start postgres_exporter, if the machine has it."""
        if shutil.which(PEER) is None:
            return None
        made = Peer(self.server.url(user="peer", password="peer", **self.parameters))
        self._stack.callback(made.end)
        return made


class Process:
    """A server under measurement."""

    def __init__(self, command: list[str], environment: dict[str, str], *, port: int, first: str) -> None:
        """Start it and wait for its first answer."""
        self.port = port
        inherited = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        began = time.monotonic()
        self._process = subprocess.Popen(
            command,
            env={**inherited, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.pid = self._process.pid
        while not self._answers(first):
            if self._process.poll() is not None or time.monotonic() - began > 120:
                raise RuntimeError(f"{command[0]} does not answer")
            time.sleep(0.002)
        self.start_seconds = time.monotonic() - began

    def get(self, path: str) -> tuple[int, bytes]:
        """Send one request, on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def end(self) -> None:
        """Terminate it."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(timeout=20)

    def _answers(self, path: str) -> bool:
        try:
            return self.get(path)[0] in {200, 503}
        except OSError:
            return False


class Exporter(Process):
    """`python -m exporter serve`."""

    def __init__(self, program: Program, environment: dict[str, str], *, cgroup: str) -> None:
        """Start it, in its own control group if one is named."""
        port, self.report_port = free_port(), free_port()
        places = {
            "PYTHONPATH": str(program.root),
            "LISTEN_HOST": "127.0.0.1",
            "LISTEN_PORT": str(port),
            "APP_POOL_LISTEN": f"127.0.0.1:{self.report_port}/udp",
        }
        enter = ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', cgroup] if cgroup else []
        command = [*enter, program.python, "-m", "exporter", "serve"]
        super().__init__(command, {**places, **environment}, port=port, first="/healthz")

    def wait_for(self, status: int) -> None:
        """Request `/healthz` until this is its status."""
        limit = time.monotonic() + 15
        while self.get("/healthz")[0] != status:
            if time.monotonic() > limit:
                raise RuntimeError(f"/healthz never said {status}")
            time.sleep(0.05)

    def warm(self, requests: int = WARM_UP) -> None:
        """Request each endpoint this many times."""
        for _ in range(requests):
            self.get("/healthz")
            self.get("/metrics")


class Peer(Process):
    """Debian's postgres_exporter with its default collectors."""

    def __init__(self, url: str) -> None:
        """Start it."""
        port = free_port()
        command = [PEER, f"--web.listen-address=127.0.0.1:{port}"]
        super().__init__(command, {"DATA_SOURCE_NAME": url}, port=port, first="/metrics")
