"""The serving process stays small: it never imports some packages, and its anonymous memory is bounded."""

import re
import sys
from pathlib import Path

import pytest

from tests.conftest import StartExporter
from tests.support import certificates, processes
from tests.support.certificates import Authority
from tests.support.exporter import Exporter
from tests.support.postgres import Postgres
from tests.support.server_factory import ServerFactory

NEVER = ("pydantic", "pydantic_core", "sqlalchemy.orm", "uvloop", "multiprocessing", "psycopg", "yaml", "bcrypt")
LIMIT = 40 * 1024 * 1024
REQUESTS = 100
DOCKERFILE = Path(__file__).parents[2] / "Dockerfile"
# Runs as `python -c` in the exporter's place: the same program, which prints at its end what it imported.
TELL = """
import atexit, pathlib, sys
atexit.register(lambda: pathlib.Path("modules").write_text("\\n".join(sorted(sys.modules))))
sys.argv[0] = "exporter"
from exporter.cli.main import main
sys.exit(main(sys.argv[4:]))
"""


@pytest.fixture(scope="module")
def bytecode(server_factory: ServerFactory) -> dict[str, str]:
    """The image's environment: optimised bytecode, kept in a place of its own."""
    image = dict(re.findall(r"\b(PYTHON(?:OPTIMIZE|NODEBUGRANGES))=(\d)", DOCKERFILE.read_text()))
    assert image["PYTHONOPTIMIZE"] == "2"
    return {**image, "PYTHONPYCACHEPREFIX": str(server_factory.folder("bytecode"))}


def ask(exporter: Exporter, *, times: int) -> None:
    """Request every endpoint this many times."""
    exporter.wait_for("success", within=20)
    exporter.wait_for("success", path="fresh", within=10)
    for _ in range(times):
        assert exporter.get("/healthz").status == 200
        assert exporter.get("/metrics").status == 200


def secured(server: Postgres, authority: Authority, folder: Path) -> str:
    """A URL with `sslmode=verify-full`."""
    root = certificates.write(folder, "root.crt", authority.certificate)
    return server.url(sslmode="verify-full", sslrootcert=root)


@pytest.mark.extended
def test_anonymous_memory_is_at_most_40_mb(
    tls_server: Postgres,
    authority: Authority,
    tmp_path: Path,
    bytecode: dict[str, str],
    start_exporter: StartExporter,
) -> None:
    """While serving, with TLS to the database, the process has at most 40 MB of anonymous memory."""
    url = secured(tls_server, authority, tmp_path)
    compiling = start_exporter(url, **bytecode, FRESH_PROBE_INTERVAL="1")
    ask(compiling, times=1)
    compiling.close()
    exporter = start_exporter(url, **bytecode, FRESH_PROBE_INTERVAL="1")
    ask(exporter, times=REQUESTS)

    assert processes.resident_bytes(exporter.process.pid, "RssAnon") <= LIMIT


@pytest.mark.extended
@pytest.mark.parametrize("write", ["0", "1"])
def test_serving_never_imports_pydantic_and_the_orm(
    server: Postgres, bytecode: dict[str, str], start_exporter: StartExporter, write: str
) -> None:
    """Settings are parsed in a child, and the ORM is imported for the write probe only: both would stay in memory."""
    exporter = start_exporter(server.url(), prefix=(sys.executable, "-c", TELL), **bytecode, WRITE_PROBE_INTERVAL=write)
    exporter.wait_for("success", within=10)
    assert exporter.get("/metrics").status == 200
    assert exporter.get("/").status == 200
    assert exporter.terminate() == 0

    modules = set((exporter.folder / "modules").read_text().split())
    assert "exporter.cli.serve" in modules
    assert ("sqlalchemy.orm" in modules) is (write == "1")
    assert {name for name in NEVER if name in modules} == ({"sqlalchemy.orm"} if write == "1" else set())
