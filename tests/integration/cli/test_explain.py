"""`check --explain`: one line for each stage, against real servers with one fault each; no secret is printed."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.conftest import StartPostgres
from tests.support.certificates import Authority, write
from tests.support.command import run
from tests.support.ports import free_port
from tests.support.postgres import PASSWORD, SCHEMES, Postgres
from tests.support.server_factory import ServerFactory

ROOT = Path(__file__).parents[3]
STAGES = ["name resolution", "TCP connect", "TLS", "authentication", "query", "role", "connections", "write"]


@dataclass(frozen=True)
class Report:
    """What the command printed, and its exit status."""

    text: str
    status: int

    @property
    def signs(self) -> dict[str, str]:
        """The sign of each stage."""
        found = re.findall(r"(?m)^  \[(.)\] (.{16})", self.text)
        return {stage.strip(): sign for sign, stage in found}

    def line(self, stage: str) -> str:
        """The line of one stage."""
        return next(line for line in self.text.splitlines() if f"] {stage} " in line)


@pytest.fixture(scope="module")
def healthy(healthy_server: Postgres) -> Postgres:
    """A server that no test of this file harms."""
    return healthy_server


def explain(url: str, **environment: str) -> Report:
    """Run the command as a person does by `kubectl exec`."""
    command = [sys.executable, "-m", "exporter", "check", "--explain"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATABASE_URL": url, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    for secret in (PASSWORD, quote(PASSWORD, safe="")):
        assert secret not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return Report(done.stdout, done.returncode)


def failed_at(report: Report) -> str:
    """The one stage that failed: all before it passed, none after it was reached."""
    signs = report.signs
    assert list(signs) == STAGES
    (stage,) = [name for name, sign in signs.items() if sign == "-"]
    before = STAGES[: STAGES.index(stage)]
    assert all(signs[name] in "+!" for name in before)
    assert all(signs[name] == " " for name in STAGES[len(before) + 1 :])
    assert "why: " in report.text
    assert "try: " in report.text
    assert report.status == 1
    return stage


def test_a_healthy_database_passes_every_stage(healthy: Postgres, driver: str) -> None:
    """Each stage has its line and its time, with either driver."""
    report = explain(healthy.url(driver, host="localhost"))

    assert report.status == 0, report.text
    assert list(report.signs) == STAGES
    assert set(report.signs.values()) <= {"+", "!", " "}
    for stage in STAGES[:-1]:
        assert re.search(r" \d+\.\d ms  \S", report.line(stage)), report.text
    assert "not asked for" in report.line("write")
    assert "all stages passed in" in report.text


@pytest.mark.extended
def test_a_unix_socket_passes_every_stage(healthy: Postgres, driver: str) -> None:
    """A URL that names the socket's file passes every stage, as it passes `check`."""
    url = f"{SCHEMES[driver]}://postgres@/app?host={healthy.data}/.s.PGSQL.{healthy.port}"

    report = explain(url)

    assert report.status == 0, report.text
    assert f"{healthy.data}/.s.PGSQL.{healthy.port} takes connections" in report.line("TCP connect")
    assert run("check", DATABASE_URL=url).returncode == 0


@pytest.mark.extended
def test_the_write_stage_commits_where_it_is_asked_for(server: Postgres) -> None:
    """The write stage says what is missing before `init-db`, and passes after it."""
    url = server.url()
    without = explain(url, WRITE_PROBE_INTERVAL="60")
    command = [sys.executable, "-m", "exporter", "init-db"]
    subprocess.run(
        command,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATABASE_URL": url},
        check=True,
        capture_output=True,
    )
    report = explain(url, WRITE_PROBE_INTERVAL="60")

    assert failed_at(without) == "write"
    assert report.signs["write"] == "+", report.text
    assert report.status == 0


def test_an_unknown_name_fails_at_the_name() -> None:
    """The stages end at the name."""
    report = explain(f"postgresql://app:{quote(PASSWORD, safe='')}@nowhere.invalid/app")

    assert failed_at(report) == "name resolution"
    assert "(dns)" in report.text


def test_a_port_without_a_listener_fails_at_tcp() -> None:
    """The stages end at TCP."""
    report = explain(f"postgresql://app:{quote(PASSWORD, safe='')}@127.0.0.1:{free_port()}/app")

    assert failed_at(report) == "TCP connect"
    assert "(refused)" in report.text


@pytest.mark.extended
def test_a_server_without_the_required_tls_fails_at_tls(healthy: Postgres) -> None:
    """The stages end at TLS; where TLS is optional, its lack is a warning."""
    assert failed_at(explain(healthy.url(sslmode="require"))) == "TLS"
    assert explain(healthy.url(sslmode="prefer")).signs["TLS"] == "!"


@pytest.mark.extended
def test_the_tls_line_names_version_and_verification(tls_server: Postgres) -> None:
    """The line names the TLS version and whether the certificate was checked."""
    report = explain(tls_server.url(sslmode="require"))

    assert report.signs["TLS"] == "+", report.text
    assert "TLSv1.3, certificate not checked" in report.line("TLS")


@pytest.mark.extended
def test_a_verified_certificate_is_shown_with_its_validity(
    tls_server: Postgres, authority: Authority, server_factory: ServerFactory
) -> None:
    """The line says how long the certificate is valid; an expired one is the stage that fails."""
    root = write(server_factory.folder("trust"), "root.crt", authority.certificate)
    url = tls_server.url(sslmode="verify-full", sslrootcert=root)
    report = explain(url)
    assert "certificate valid until" in report.line("TLS")
    assert report.status == 0

    tls_server.serve_tls(authority.server("127.0.0.1", days=-1))
    expired = explain(url)
    assert failed_at(expired) == "TLS"
    assert "certificate has expired" in expired.line("TLS")
    assert "(tls)" in expired.text


@pytest.mark.extended
def test_a_wrong_password_fails_at_authentication(healthy: Postgres, driver: str) -> None:
    """The stages end at authentication, with either driver."""
    report = explain(healthy.url(driver, password="wr0ng-secret"))

    assert failed_at(report) == "authentication"
    assert "(auth)" in report.text
    assert "wr0ng-secret" not in report.text


@pytest.mark.extended
def test_a_missing_database_fails_at_authentication(healthy: Postgres) -> None:
    """The stages end at authentication, with advice of its own."""
    report = explain(healthy.url(database="missing"))

    assert failed_at(report) == "authentication"
    assert "no database of this name" in report.text


@pytest.mark.extended
def test_a_server_in_the_wrong_role_fails_at_the_role(healthy: Postgres) -> None:
    """The stages end at the role."""
    report = explain(healthy.url(), DATABASE_EXPECT="replica")

    assert failed_at(report) == "role"
    assert "(read_only)" in report.text


@pytest.mark.extended
def test_a_frozen_server_is_given_up_on(server: Postgres) -> None:
    """The connect succeeds, since the kernel accepts it, and the next stage times out."""
    server.freeze()
    report = explain(server.url())
    server.thaw()

    assert failed_at(report) == "TLS"
    assert "no answer within 5 s" in report.line("TLS")


@pytest.mark.extended
def test_a_full_server_fails_at_authentication(start_postgres: StartPostgres) -> None:
    """The stages end at authentication, with advice that says which sessions to look for."""
    server = start_postgres(max_connections=5, superuser_reserved_connections=4)
    with server.connect(user="postgres"):
        report = explain(server.url())

    assert failed_at(report) == "authentication"
    assert "pg_stat_activity" in report.text


def test_unusable_settings_are_named() -> None:
    """The report names the setting to change."""
    report = explain("postgresql://app@127.0.0.1/app?sslmode=verify-full&sslrootcert=/nowhere.pem")

    assert report.status == 2


@pytest.mark.extended
def test_one_lost_host_of_several_is_a_warning(healthy: Postgres) -> None:
    """The host that works is used, and the other one is a warning."""
    gone = free_port()
    report = explain(healthy.url().replace(f"127.0.0.1:{healthy.port}", f"127.0.0.1:{gone},127.0.0.1:{healthy.port}"))

    assert report.status == 0, report.text
    assert report.signs["TCP connect"] == "!"
    assert f"port {gone} does not" in report.line("TCP connect")
