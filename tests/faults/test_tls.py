"""TLS that cannot be set up: refused, not trusted, for another host, expired, or without a client certificate."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import StartExporter
from tests.support import certificates, command
from tests.support.certificates import Authority
from tests.support.fault_assertions import fails, leaves_nothing_behind, recovers, stays_green, unharmed, warm
from tests.support.postgres import Postgres
from tests.support.server_factory import ServerFactory
from tests.support.waiting import until

# Gives the command after it a terminal of its own, on which a library might ask for a password.
AT_A_TERMINAL = """
import fcntl, os, sys, termios
master, terminal = os.openpty()
fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
os.set_inheritable(master, True)
os.execvp(sys.argv[1], sys.argv[1:])
"""


@dataclass(frozen=True)
class ClientFiles:
    """The client's files."""

    folder: Path
    root: str

    def add(self, name: str, content: bytes) -> str:
        """Write one more file; its path."""
        return certificates.write(self.folder, name, content)


@pytest.fixture
def client_files(server_factory: ServerFactory, authority: Authority) -> ClientFiles:
    """A folder with the authority's root certificate."""
    folder = server_factory.folder("client_files")
    return ClientFiles(folder, certificates.write(folder, "root.pem", authority.certificate))


def test_every_sslmode_connects(
    driver: str,
    tls_server: Postgres,
    client_files: ClientFiles,
    start_exporter: StartExporter,
) -> None:
    """A server that passes `verify-full` works with every mode, and encrypts where the mode says so."""
    urls = {
        sslmode: tls_server.url(driver, sslmode=sslmode, sslrootcert=client_files.root, application_name=sslmode)
        for sslmode in ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
    }
    exporter = start_exporter(DATABASES=json.dumps(urls))
    until(lambda: exporter.health().status == 200, within=5, what="all connect")

    query = "SELECT application_name, ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'app'"
    encrypted = dict(tls_server.sql(query))
    assert encrypted == {sslmode: sslmode not in {"disable", "allow"} for sslmode in urls}


def test_server_without_tls_is_tls_with_sslmode_require(
    driver: str, tls_server: Postgres, start_exporter: StartExporter
) -> None:
    """`sslmode=require` on a server without TLS is `tls`: nothing is sent in the clear instead."""
    tls_server.configure(ssl="off")
    exporter = start_exporter(tls_server.url(driver, sslmode="require"))

    fails(exporter, "tls", verdict="credentials_rejected")
    tls_server.configure(ssl="on")
    recovers(exporter)
    leaves_nothing_behind(exporter, tls_server)


@pytest.mark.extended
def test_unknown_authority_is_tls(
    driver: str, tls_server: Postgres, client_files: ClientFiles, start_exporter: StartExporter
) -> None:
    """A certificate of an unknown authority is `tls`; a replaced root file takes effect without a restart."""
    right = Path(client_files.root).read_bytes()
    client_files.add("root.pem", Authority("another").certificate)
    exporter = start_exporter(tls_server.url(driver, sslmode="verify-ca", sslrootcert=client_files.root))

    fails(exporter, "tls", verdict="credentials_rejected")
    client_files.add("root.pem", right)
    recovers(exporter)
    leaves_nothing_behind(exporter, tls_server)


@pytest.mark.extended
def test_certificate_for_another_host_is_tls(
    driver: str,
    tls_server: Postgres,
    client_files: ClientFiles,
    authority: Authority,
    start_exporter: StartExporter,
) -> None:
    """A certificate for another host is `tls` with `verify-full`."""
    tls_server.serve_tls(authority.server("db.example"))
    exporter = start_exporter(tls_server.url(driver, sslmode="verify-full", sslrootcert=client_files.root))

    fails(exporter, "tls", verdict="credentials_rejected")
    tls_server.serve_tls(authority.server("127.0.0.1"))
    recovers(exporter)
    leaves_nothing_behind(exporter, tls_server)


@pytest.mark.extended
def test_name_is_verified_beside_hostaddr(
    tls_server: Postgres,
    client_files: ClientFiles,
    authority: Authority,
    start_exporter: StartExporter,
) -> None:
    """With `hostaddr` the name is still verified, by psycopg and by asyncpg's attempt that finds the cause."""
    tls_server.serve_tls(authority.server("db.example"))
    url = tls_server.url(
        "psycopg", host="db.example", password="wrong", sslmode="verify-full", sslrootcert=client_files.root
    )
    exporter = start_exporter(url + "&hostaddr=127.0.0.1")

    fails(exporter, "auth", verdict="credentials_rejected")
    tls_server.serve_tls(authority.server("127.0.0.1"))
    exporter.wait_for("tls", within=3)


def test_expired_certificate_fails_only_the_fresh_path(
    driver: str,
    tls_server: Postgres,
    client_files: ClientFiles,
    authority: Authority,
    start_exporter: StartExporter,
) -> None:
    """An expired certificate breaks no open connection: the pooled path stays green, the fresh one fails."""
    url = tls_server.url(driver, sslmode="verify-full", sslrootcert=client_files.root)
    exporter = start_exporter(url, FRESH_PROBE_INTERVAL="0.5")

    with unharmed(exporter, tls_server):
        tls_server.serve_tls(authority.server("127.0.0.1", days=-1))
        exporter.wait_for("tls", path="fresh", within=3)
        exporter.wait_for_verdict("credentials_rejected", within=1)
        stays_green(exporter)
        tls_server.serve_tls(authority.server("127.0.0.1"))
        exporter.wait_for("success", path="fresh", within=2.5)
        recovers(exporter)


@pytest.mark.extended
def test_expired_certificate_from_the_start_is_tls(
    driver: str,
    tls_server: Postgres,
    client_files: ClientFiles,
    authority: Authority,
    start_exporter: StartExporter,
) -> None:
    """An expired certificate is `tls`; a new one takes effect without a restart."""
    tls_server.serve_tls(authority.server("127.0.0.1", days=-1))
    exporter = start_exporter(tls_server.url(driver, sslmode="verify-full", sslrootcert=client_files.root))

    fails(exporter, "tls", verdict="credentials_rejected")
    tls_server.serve_tls(authority.server("127.0.0.1"))
    recovers(exporter)
    leaves_nothing_behind(exporter, tls_server)


@pytest.mark.extended
def test_missing_client_certificate_is_auth(
    driver: str,
    tls_server: Postgres,
    authority: Authority,
    start_exporter: StartExporter,
) -> None:
    """Without the client certificate that the server requires the outcome is `auth`, until it requires none."""
    tls_server.serve_tls(authority.server("127.0.0.1"), clients=authority)
    tls_server.allow("hostssl all all all scram-sha-256 clientcert=verify-full")
    exporter = start_exporter(tls_server.url(driver, sslmode="require"))

    fails(exporter, "auth", verdict="credentials_rejected")
    tls_server.allow("hostssl all all all scram-sha-256")
    recovers(exporter)
    leaves_nothing_behind(exporter, tls_server)


@pytest.mark.extended
def test_client_certificate_of_another_role_is_auth(
    driver: str,
    tls_server: Postgres,
    client_files: ClientFiles,
    authority: Authority,
    start_exporter: StartExporter,
) -> None:
    """A client certificate for another role is `auth`; the right one in the same files works without a restart."""
    tls_server.serve_tls(authority.server("127.0.0.1"), clients=authority)
    tls_server.allow("hostssl all all all scram-sha-256 clientcert=verify-full")

    def show(role: str) -> tuple[str, str]:
        pair = authority.client(role)
        return client_files.add("app.pem", pair.certificate), client_files.add("app.key", pair.key)

    certificate, key = show("another")
    url = tls_server.url(driver, sslmode="verify-full", sslrootcert=client_files.root, sslcert=certificate, sslkey=key)
    exporter = start_exporter(url)

    fails(exporter, "auth", verdict="credentials_rejected")
    show("app")
    recovers(exporter)
    leaves_nothing_behind(exporter, tls_server)


@pytest.mark.extended
def test_key_that_needs_a_password_is_misconfigured(
    driver: str,
    tls_server: Postgres,
    client_files: ClientFiles,
    authority: Authority,
    start_exporter: StartExporter,
) -> None:
    """A key replaced by one with a password is `misconfigured`: no library waits at a terminal for it."""
    pair = authority.client("app")
    url = tls_server.url(
        driver,
        sslcert=client_files.add("app.pem", pair.certificate),
        sslkey=client_files.add("app.key", pair.key),
    )
    prefix = (sys.executable, "-c", AT_A_TERMINAL)
    exporter = start_exporter(url, prefix=prefix, FRESH_PROBE_INTERVAL="0.5")
    warm(exporter)

    client_files.add("app.key", pair.locked("hunter2"))
    exporter.wait_for("misconfigured", path="fresh", within=3)
    exporter.wait_for_verdict("misconfigured", within=1)
    assert "DATABASE_URL has sslcert or sslkey" in exporter.log()
    stays_green(exporter)
    client_files.add("app.key", pair.key)
    recovers(exporter, within=2.5)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("sslmode", ["prefer", "require"])
def test_key_without_its_password_ends_a_command(
    driver: str,
    tls_server: Postgres,
    client_files: ClientFiles,
    authority: Authority,
    sslmode: str,
) -> None:
    """A command reports it as a bad setting: in one line, with exit status 2."""
    pair = authority.client("app")
    certificate, key = (
        client_files.add("app.pem", pair.certificate),
        client_files.add("app.key", pair.locked("hunter2")),
    )

    done = command.run(
        "check",
        timeout=30,
        DATABASE_URL=tls_server.url(driver, sslmode=sslmode, sslcert=certificate, sslkey=key),
    )

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "DATABASE_URL has sslcert or sslkey" in done.stderr
