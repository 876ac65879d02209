"""The command line: the output and the exit status of each command."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.cli import commands
from exporter.cli.main import main
from tests.support import processes
from tests.support.client import get
from tests.support.command import run
from tests.support.needs import need_root, need_tools
from tests.support.ports import free_port
from tests.support.postgres import PASSWORD, Postgres
from tests.support.template import Template
from tests.support.waiting import until

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def server(template: Template) -> Iterator[Postgres]:
    """One healthy PostgreSQL."""
    made = template.copy()
    made.start()
    made.sql("CREATE ROLE owner SUPERUSER LOGIN PASSWORD 'o'")
    yield made
    made.close()


def down() -> str:
    """An address without a listener."""
    return f"postgresql://app:pw@127.0.0.1:{free_port()}/app"


def quiet(done: subprocess.CompletedProcess[str]) -> bool:
    """Whether the output shows no password and no traceback."""
    said = done.stdout + done.stderr
    return PASSWORD not in said and "Traceback" not in said


def test_check_of_a_healthy_database_exits_with_0(server: Postgres, driver: str) -> None:
    """A healthy database is one line and exit status 0."""
    done = run("check", DATABASE_URL=server.url(driver))

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("app: success in ")
    assert done.stdout.count("\n") == 1


def test_check_of_a_failing_database_exits_with_1(driver: str) -> None:
    """A failing database is one line with the outcome, and exit status 1."""
    scheme = "postgresql+psycopg" if driver == "psycopg" else "postgresql"
    done = run("check", DATABASE_URL=down().replace("postgresql", scheme))

    assert done.returncode == 1
    assert done.stdout.startswith("app: refused in ")
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_check_of_a_frozen_database_ends_in_time(template: Template) -> None:
    """`check` ends in time, as an exec probe must, while the database hangs."""
    server = template.copy()
    server.start()
    try:
        server.freeze()
        done = run("check", DATABASE_URL=server.url())
        seconds = float(done.stdout.split(" in ")[1].split()[0]) / 1000

        assert done.returncode == 1
        assert done.stdout.startswith("app: connect_timeout")
        assert seconds < 0.9
    finally:
        server.close()


@pytest.mark.sampled(1)
@pytest.mark.parametrize(("required", "status"), [(True, 1), (False, 0)])
def test_check_of_several_databases_prints_a_line_each(server: Postgres, required: bool, status: int) -> None:
    """Each database has a line; the exit status is 0 if all required ones pass."""
    databases = {"good": server.url(), "other": {"url": down(), "required": required}}
    done = run("check", DATABASES=json.dumps(databases))

    assert done.returncode == status
    assert [line.split(" in ")[0] for line in done.stdout.splitlines()] == ["good: success", "other: refused"]


@pytest.mark.sampled(1)
@pytest.mark.parametrize("expect", ["primary", "replica"])
def test_check_fails_on_the_wrong_role(server: Postgres, expect: str) -> None:
    """The wrong role is a failure."""
    done = run("check", "--database-expect", expect, DATABASE_URL=server.url())

    assert done.returncode == (0 if expect == "primary" else 1)
    assert ("read_only" in done.stdout) is (expect == "replica")


@pytest.mark.sampled(1)
@pytest.mark.parametrize("command", ["serve", "check", "wait", "init-db"])
def test_bad_settings_exit_with_2(command: str) -> None:
    """A wrong value is one line on stderr that names the variable, and exit status 2, for every command."""
    done = run(command, DATABASE_URL="postgresql://h/db", PROBE_TIMEOUT="soon")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "PROBE_TIMEOUT" in done.stderr


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["check", "--nonsense"],
        ["check", "extra"],
        ["check", "--timeout", "5s"],
        ["wait", "--timeout", "soon"],
        ["wait", "--timeout"],
        ["wait", "--timeout="],
        ["wait", "--timeout", "-5s"],
        ["wait", "--time", "5s"],
        ["--nonsense"],
    ],
    ids=" ".join,
)
def test_bad_arguments_exit_with_2(arguments: list[str]) -> None:
    """A wrong argument is one line on stderr and exit status 2."""
    done = run(*arguments, DATABASE_URL=down())

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("db-health-exporter")


@pytest.mark.extended
def test_wait_returns_at_once_when_the_database_answers(server: Postgres) -> None:
    """`wait` returns at once when the database answers."""
    done = run("wait", "--timeout", "60s", DATABASE_URL=server.url())

    assert done.returncode == 0
    assert "success" in done.stdout


@pytest.mark.extended
def test_wait_gives_up() -> None:
    """`wait` gives up after its time-out, and prints each change once."""
    began = time.monotonic()
    done = run("wait", "--timeout", "2500ms", DATABASE_URL=down())

    assert done.returncode == 1
    assert done.stdout.count("refused") == 1
    assert done.stderr.startswith("gave up after 2.5 s: app: refused in ")
    assert done.stderr.count("\n") == 1
    assert time.monotonic() - began < 12


def test_wait_ends_when_the_database_answers(template: Template) -> None:
    """A database that comes up meanwhile ends the wait."""
    server = template.copy()
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "DATABASE_URL": server.url()}
    command = [sys.executable, "-m", "exporter", "wait", "--timeout", "30s"]
    with subprocess.Popen(command, cwd="/", env=environment, stdout=subprocess.PIPE, text=True) as waiting:
        assert waiting.stdout is not None
        first = waiting.stdout.readline()
        server.start()
        try:
            rest = waiting.communicate(timeout=30)[0]
        finally:
            server.close()

    assert first.startswith("app: refused")
    assert rest.splitlines()[-1].startswith("app: success")
    assert waiting.returncode == 0


@pytest.mark.sampled(1)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_wait_as_process_1_ends_on_a_signal(number: signal.Signals) -> None:
    """`wait` as process 1 of an init container ends on SIGTERM, for which the kernel has no default action there."""
    need_root()
    need_tools("unshare")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "DATABASE_URL": down()}
    command = ["unshare", "--pid", "--fork", "--kill-child", sys.executable, "-m", "exporter", "wait"]
    with subprocess.Popen(command, cwd="/", env=environment, stdout=subprocess.PIPE, text=True) as outer:
        assert outer.stdout is not None
        assert outer.stdout.readline()
        os.kill(processes.children(outer.pid)[0], number)
        try:
            assert outer.wait(timeout=5) == 128 + number
        finally:
            outer.kill()


EARLY = (0.0, 0.15, 0.3, 0.6)  # seconds: from the reading of the settings to after the port listens


def environment_to_serve() -> dict[str, str]:
    """The least that `serve` needs to start."""
    places = {"LISTEN_HOST": "127.0.0.1", "LISTEN_PORT": "0", "APP_POOL_LISTEN": "off"}
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "DATABASE_URL": down(), **places}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("after", EARLY)
@pytest.mark.parametrize("first", [True, False])
def test_serve_ends_on_an_early_signal(first: bool, after: float) -> None:
    """A signal in the first second ends `serve`, also as process 1, where the kernel drops an unhandled one."""
    prefix = ("unshare", "--pid", "--fork", "--kill-child") if first else ()
    if first:
        need_root()
        need_tools("unshare")
    command = [*prefix, sys.executable, "-m", "exporter", "serve"]
    with subprocess.Popen(command, cwd="/", env=environment_to_serve(), stderr=subprocess.PIPE, text=True) as outer:
        if first:
            until(lambda: processes.children(outer.pid), within=5, what="it runs", every=0.001)
        pid = processes.children(outer.pid)[0] if first else outer.pid
        until(lambda: processes.children(pid), within=5, what="the settings are read", every=0.001)
        time.sleep(after)
        os.kill(pid, signal.SIGTERM)
        try:
            said = outer.communicate(timeout=5)[1]  # also the child that reads the settings has let go of it by then
        finally:
            outer.kill()

    assert outer.returncode == 0
    assert "Exception" not in said


def test_serve_logs_the_ports_it_got() -> None:
    """With port 0 the log names the port that was chosen: two of them with a METRICS_PORT."""
    command = [sys.executable, "-m", "exporter", "serve"]
    environment = {**environment_to_serve(), "METRICS_PORT": "0"}
    with subprocess.Popen(command, cwd="/", env=environment, stderr=subprocess.PIPE, text=True) as serving:
        assert serving.stderr is not None
        line = serving.stderr.readline()
        ports = [int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", line)]
        statuses = [get("127.0.0.1", port, "/metrics").status for port in ports]
        serving.terminate()
        serving.communicate(timeout=5)

    assert statuses == [404, 200], line


@pytest.mark.sampled(1)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_wait_ends_on_an_early_signal(number: signal.Signals) -> None:
    """The exit status of `wait` tells the signal that ended it, and its child prints nothing."""
    command = [sys.executable, "-m", "exporter", "wait"]
    with subprocess.Popen(
        command,
        cwd="/",
        env=environment_to_serve(),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as waiting:
        until(lambda: processes.children(waiting.pid), within=5, what="the settings are read", every=0.001)
        os.killpg(waiting.pid, number)
        said = waiting.communicate(timeout=5)[1]

    assert (waiting.returncode, said) == (128 + number, "")


def owner(server: Postgres, name: str) -> str:
    """The address of a new database, with its owner as the user."""
    server.sql(f"CREATE DATABASE {name}", database="template1")
    return server.url(user="owner", password="o", database=name)


def test_init_db_creates_extensions_and_tables(server: Postgres) -> None:
    """`init-db` creates extensions and tables; a second run is no error."""
    url = owner(server, "whole")
    for _ in range(2):
        done = run("init-db", DATABASE_URL=url, DATABASE_EXTENSIONS="vector")
        assert (done.returncode, done.stdout, done.stderr) == (0, "whole: ready\n", "")

    assert server.sql("SELECT extname FROM pg_extension WHERE extname = 'vector'", database="whole")
    assert server.sql("SELECT count(*) FROM dbhealth_heartbeat", database="whole") == [(0,)]


@pytest.mark.extended
def test_echo_is_part_of_the_log(server: Postgres) -> None:
    """With echo each statement is logged once, on stderr, in the log's own format."""
    done = run("init-db", DATABASE_URL=owner(server, "echoed"), DATABASE_ECHO="true", LOG_FORMAT="json")
    said = [json.loads(line)["message"] for line in done.stderr.splitlines()]

    assert (done.returncode, done.stdout) == (0, "echoed: ready\n")
    assert sum("CREATE TABLE" in message for message in said) == 1
    assert said.count("COMMIT") == 1


def test_init_db_fails_without_the_extension(server: Postgres, driver: str) -> None:
    """A missing extension is one line, and nothing is created."""
    url = owner(server, f"half_{driver}")
    if driver == "psycopg":
        url = url.replace("postgresql:", "postgresql+psycopg:")
    done = run("init-db", DATABASE_URL=url, DATABASE_EXTENSIONS="vector, no_such_thing")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert 'extension "no_such_thing" is not available' in done.stderr
    assert server.sql("SELECT extname FROM pg_extension WHERE extname = 'vector'", database=f"half_{driver}") == []
    assert server.sql("SELECT to_regclass('dbhealth_heartbeat')", database=f"half_{driver}") == [(None,)]


def test_init_db_fails_in_one_line_without_a_server() -> None:
    """An unreachable server is one line."""
    done = run("init-db", DATABASE_URL=down())

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert quiet(done)


@pytest.mark.extended
@pytest.mark.parametrize("required", [True, False])
def test_init_db_tries_every_database(server: Postgres, required: bool) -> None:
    """Each database is tried, whatever the result for the others; the command fails if a required one failed."""
    databases = {"bad": {"url": down(), "required": required}, "good": owner(server, f"beside_{required}".lower())}
    done = run("init-db", DATABASES=json.dumps(databases))

    assert (done.returncode, done.stdout) == (int(required), "good: ready\n")
    assert done.stderr.startswith("bad: nothing was changed: ")


@pytest.mark.parametrize("flag", ["help", "--help", "-h"])
def test_help_lists_the_commands(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Help lists the commands."""
    assert main([flag]) == 0
    said = capsys.readouterr().out
    assert all(command in said for command in ("serve", "check", "wait", "init-db", "demo"))


@pytest.mark.sampled(1)
@pytest.mark.parametrize("command", ["serve", "check", "wait", "init-db"])
def test_help_of_a_command_lists_the_settings(command: str) -> None:
    """A command's help lists the settings."""
    done = run(command, "--help")

    assert done.returncode == 0
    assert "--probe-interval" in done.stdout


def test_settings_come_from_flags_and_files(server: Postgres, tmp_path: Path) -> None:
    """A setting may be given by a flag, and a secret by a file."""
    file = tmp_path / "url"
    file.write_text(server.url() + "\n")
    done = run("check", "--database-url-file", str(file), "--probe-timeout=700ms", "--log-format", "json")

    assert done.returncode == 0, done.stderr


def test_wait_probes_once_a_second() -> None:
    """`wait` probes once a second, so that an init container is no load."""
    assert commands.RETRY_INTERVAL == 1.0


def test_a_flag_before_the_command_is_refused(server: Postgres) -> None:
    """The command comes first, for a flag's value may have a command's name."""
    misplaced = run("--readiness", "gate", "check", DATABASE_URL=server.url())
    named = run("check", "--database-name", "demo", "--database-host", "127.0.0.1", "--database-port", "1")

    assert (misplaced.returncode, misplaced.stdout) == (2, "")
    assert (
        misplaced.stderr == "db-health-exporter: the command comes first: db-health-exporter COMMAND --SETTING VALUE\n"
    )
    assert named.returncode == 1
    assert named.stdout.startswith("demo: refused")


def test_a_port_in_use_is_named(server: Postgres) -> None:
    """An address that cannot be listened on is one line with the setting to change, and exit status 2."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("serve", DATABASE_URL=server.url(), LISTEN_HOST="127.0.0.1", LISTEN_PORT=port, APP_POOL_LISTEN="off")

    assert done.returncode == 2
    assert "LISTEN_PORT or LISTEN_HOST" in done.stderr
    assert done.stderr.count("\n") == 1
    assert quiet(done)
