"""TLS that does not come about: refused, not trusted, for another host, expired, or one-sided."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import StartExporter
from tests.support import certificates, command
from tests.support.certificates import Authority
from tests.support.fault_assertions import bears_no_trace, fails, recovers, stays_green, unharmed, warm
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
class Wallet:
    """The client's files."""

    folder: Path
    root: str

    def add(self, name: str, content: bytes) -> str:
        """Keep one more."""
        return certificates.write(self.folder, name, content)


@pytest.fixture
def wallet(server_factory: ServerFactory, authority: Authority) -> Wallet:
    """A folder with the authority's root certificate."""
    folder = server_factory.folder("wallet")
    return Wallet(folder, certificates.write(folder, "root.pem", authority.certificate))


def test_every_sslmode_connects(
    driver: str,
    tls_server: Postgres,
    wallet: Wallet,
    start_exporter: StartExporter,
) -> None:
    """A server that is right for `verify-full` is right for every mode, and encrypts where it should."""
    urls = {
        sslmode: tls_server.url(driver, sslmode=sslmode, sslrootcert=wallet.root, application_name=sslmode)
        for sslmode in ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
    }
    exporter = start_exporter(DATABASES=json.dumps(urls))
    until(lambda: exporter.health().status == 200, within=5, what="all connect")

    query = "SELECT application_name, ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'app'"
    encrypted = dict(tls_server.sql(query))
    assert encrypted == {sslmode: sslmode not in {"disable", "allow"} for sslmode in urls}


def test_wanted_and_refused(driver: str, tls_server: Postgres, start_exporter: StartExporter) -> None:
    """`sslmode=require` on a server without TLS is `tls`: nothing is sent in the clear instead."""
    tls_server.configure(ssl="off")
    exporter = start_exporter(tls_server.url(driver, sslmode="require"))

    fails(exporter, "tls", verdict="credentials_rejected")
    tls_server.configure(ssl="on")
    recovers(exporter)
    bears_no_trace(exporter, tls_server)


def test_unknown_authority(driver: str, tls_server: Postgres, wallet: Wallet, start_exporter: StartExporter) -> None:
    """A certificate that nobody trusts is `tls`; a replaced root file takes effect without a restart."""
    right = Path(wallet.root).read_bytes()
    wallet.add("root.pem", Authority("another").certificate)
    exporter = start_exporter(tls_server.url(driver, sslmode="verify-ca", sslrootcert=wallet.root))

    fails(exporter, "tls", verdict="credentials_rejected")
    wallet.add("root.pem", right)
    recovers(exporter)
    bears_no_trace(exporter, tls_server)


def test_another_host_name(
    driver: str,
    tls_server: Postgres,
    wallet: Wallet,
    authority: Authority,
    start_exporter: StartExporter,
) -> None:
    """A certificate for another host is `tls` with `verify-full`."""
    tls_server.serve_tls(authority.server("db.example"))
    exporter = start_exporter(tls_server.url(driver, sslmode="verify-full", sslrootcert=wallet.root))

    fails(exporter, "tls", verdict="credentials_rejected")
    tls_server.serve_tls(authority.server("127.0.0.1"))
    recovers(exporter)
    bears_no_trace(exporter, tls_server)


def test_name_beside_an_address(
    tls_server: Postgres,
    wallet: Wallet,
    authority: Authority,
    start_exporter: StartExporter,
) -> None:
    """With `hostaddr` it is still the name that is verified, by psycopg and when asyncpg is asked what went wrong."""
    tls_server.serve_tls(authority.server("db.example"))
    url = tls_server.url("psycopg", host="db.example", password="wrong", sslmode="verify-full", sslrootcert=wallet.root)
    exporter = start_exporter(url + "&hostaddr=127.0.0.1")

    fails(exporter, "auth", verdict="credentials_rejected")
    tls_server.serve_tls(authority.server("127.0.0.1"))
    exporter.wait_for("tls", within=3)


def test_expired_under_a_warm_pool(
    driver: str,
    tls_server: Postgres,
    wallet: Wallet,
    authority: Authority,
    start_exporter: StartExporter,
) -> None:
    """An expired certificate breaks no open connection: pooled stays green, fresh tells in advance."""
    url = tls_server.url(driver, sslmode="verify-full", sslrootcert=wallet.root)
    exporter = start_exporter(url, FRESH_PROBE_INTERVAL="0.5")

    with unharmed(exporter, tls_server):
        tls_server.serve_tls(authority.server("127.0.0.1", days=-1))
        exporter.wait_for("tls", path="fresh", within=3)
        exporter.wait_for_verdict("credentials_rejected", within=1)
        stays_green(exporter)
        tls_server.serve_tls(authority.server("127.0.0.1"))
        exporter.wait_for("success", path="fresh", within=2.5)
        recovers(exporter)


def test_expired_from_the_start(
    driver: str,
    tls_server: Postgres,
    wallet: Wallet,
    authority: Authority,
    start_exporter: StartExporter,
) -> None:
    """An expired certificate is `tls`; a new one takes effect without a restart."""
    tls_server.serve_tls(authority.server("127.0.0.1", days=-1))
    exporter = start_exporter(tls_server.url(driver, sslmode="verify-full", sslrootcert=wallet.root))

    fails(exporter, "tls", verdict="credentials_rejected")
    tls_server.serve_tls(authority.server("127.0.0.1"))
    recovers(exporter)
    bears_no_trace(exporter, tls_server)


def test_client_certificate_missing(
    driver: str,
    tls_server: Postgres,
    authority: Authority,
    start_exporter: StartExporter,
) -> None:
    """A server that wants a client certificate says `auth` without one, until it wants none."""
    tls_server.serve_tls(authority.server("127.0.0.1"), clients=authority)
    tls_server.allow("hostssl all all all scram-sha-256 clientcert=verify-full")
    exporter = start_exporter(tls_server.url(driver, sslmode="require"))

    fails(exporter, "auth", verdict="credentials_rejected")
    tls_server.allow("hostssl all all all scram-sha-256")
    recovers(exporter)
    bears_no_trace(exporter, tls_server)


def test_client_certificate(
    driver: str,
    tls_server: Postgres,
    wallet: Wallet,
    authority: Authority,
    start_exporter: StartExporter,
) -> None:
    """A client certificate for another role is `auth`; the right one in the same files is taken without a restart."""
    tls_server.serve_tls(authority.server("127.0.0.1"), clients=authority)
    tls_server.allow("hostssl all all all scram-sha-256 clientcert=verify-full")

    def show(role: str) -> tuple[str, str]:
        pair = authority.client(role)
        return wallet.add("app.pem", pair.certificate), wallet.add("app.key", pair.key)

    certificate, key = show("another")
    url = tls_server.url(driver, sslmode="verify-full", sslrootcert=wallet.root, sslcert=certificate, sslkey=key)
    exporter = start_exporter(url)

    fails(exporter, "auth", verdict="credentials_rejected")
    show("app")
    recovers(exporter)
    bears_no_trace(exporter, tls_server)


def test_a_key_that_needs_a_password(
    driver: str,
    tls_server: Postgres,
    wallet: Wallet,
    authority: Authority,
    start_exporter: StartExporter,
) -> None:
    """A key that has a password from now on is `misconfigured`: nothing waits at a terminal until somebody types it."""
    pair = authority.client("app")
    url = tls_server.url(
        driver,
        sslcert=wallet.add("app.pem", pair.certificate),
        sslkey=wallet.add("app.key", pair.key),
    )
    prefix = (sys.executable, "-c", AT_A_TERMINAL)
    exporter = start_exporter(url, prefix=prefix, FRESH_PROBE_INTERVAL="0.5")
    warm(exporter)

    wallet.add("app.key", pair.locked("hunter2"))
    exporter.wait_for("misconfigured", path="fresh", within=3)
    exporter.wait_for_verdict("misconfigured", within=1)
    assert "DATABASE_URL has sslcert or sslkey" in exporter.log()
    stays_green(exporter)
    wallet.add("app.key", pair.key)
    recovers(exporter, within=2.5)


@pytest.mark.parametrize("sslmode", ["prefer", "require"])
def test_a_key_whose_password_is_missing_from_the_start(
    driver: str,
    tls_server: Postgres,
    wallet: Wallet,
    authority: Authority,
    sslmode: str,
) -> None:
    """It is a bad setting: for a command one line, and exit status 2."""
    pair = authority.client("app")
    certificate, key = wallet.add("app.pem", pair.certificate), wallet.add("app.key", pair.locked("hunter2"))

    done = command.run(
        "check",
        timeout=30,
        DATABASE_URL=tls_server.url(driver, sslmode=sslmode, sslcert=certificate, sslkey=key),
    )

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "DATABASE_URL has sslcert or sslkey" in done.stderr
