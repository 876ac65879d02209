"""Unusable `DATABASE_*` settings never end `serve`: it listens, and says what to change."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import StartExporter
from tests.support.command import run
from tests.support.exporter import Exporter
from tests.support.postgres import PASSWORD, Postgres
from tests.support.waiting import until

UNUSABLE: dict[str, tuple[dict[str, str], str]] = {
    "nothing": ({}, "DATABASE_URL (or DATABASE_URL_FILE, DATABASE_HOST, DATABASES) must be given"),
    "mysql": ({"DATABASE_URL": "mysql://app:hidden@h/app"}, "the database must be a PostgreSQL"),
    "sqlite": ({"DATABASE_URL": "sqlite:///x"}, "the database must be a PostgreSQL"),
    "jdbc": ({"DATABASE_URL": "jdbc:postgresql://h/db"}, "the database must be a PostgreSQL"),
    "password variable": ({"DATABASE_URL": "postgresql://app:$(DB_PASSWORD)@h/app"}, "define DB_PASSWORD before it"),
    "host variable": ({"DATABASE_URL": "postgresql://app:hidden@$(DB_HOST)/app"}, "define DB_HOST before it"),
    "port variable": ({"DATABASE_HOST": "h", "DATABASE_PORT": "$(DB_PORT)"}, "define DB_PORT before it"),
    "port": ({"DATABASE_HOST": "h", "DATABASE_PORT": "http"}, "DATABASE_PORT must be a port"),
    "missing file": ({"DATABASE_URL_FILE": "/nowhere"}, "DATABASE_URL_FILE names a file that does not exist"),
    "certificate": (
        {"DATABASE_URL": "postgresql://app:hidden@h/app?sslmode=verify-full&sslrootcert=/app/ca.pem"},
        "sslrootcert, which names a file that does not exist",
    ),
    "no root": ({"DATABASE_URL": "postgresql://app:hidden@h/app?sslmode=verify-full"}, "sslrootcert=system"),
    "entry": ({"DATABASES": '{"orders": {"host": "h", "colour": 1}}'}, '"orders" has an unknown key'),
    "no JSON": ({"DATABASES": "{"}, "DATABASES is not JSON"),
    "expect": ({"DATABASE_HOST": "h", "DATABASE_EXPECT": "master"}, "DATABASE_EXPECT must be any, primary or replica"),
}


def diagnosis(exporter: Exporter) -> dict[str, str]:
    """The JSON of the only database."""
    answer = exporter.get("/healthz", accept="application/json")
    (found,) = json.loads(answer.text)["databases"].values()
    return dict(found)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", UNUSABLE)
def test_serve_listens_and_says_what_to_change(start_exporter: StartExporter, name: str) -> None:
    """/livez is 200, /healthz 503 with the sentence, and readiness is not held back."""
    environment, sentence = UNUSABLE[name]
    exporter = start_exporter(**environment)

    exporter.wait_for_verdict("misconfigured", within=3)
    assert exporter.get("/livez").status == 200
    assert exporter.get("/readyz").status == 200
    answer = exporter.get("/healthz?verbose")
    assert (answer.status, sentence in answer.text) == (503, True), answer.text
    assert sentence in diagnosis(exporter)["advice"]
    assert sentence in exporter.log()
    assert sentence in exporter.get("/").text.replace("&quot;", '"')
    assert "hidden" not in exporter.log() + answer.text


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", [name for name in UNUSABLE if name != "nothing"])
def test_check_exits_with_2(name: str) -> None:
    """`check`, which people and pipelines start, exits with 2 and the same sentence."""
    environment, sentence = UNUSABLE[name]
    done = run("check", **environment)  # type: ignore[arg-type]

    assert (done.returncode, sentence in done.stderr) == (2, True), done.stderr


def test_a_file_that_comes_later_is_read(start_exporter: StartExporter, server: Postgres, tmp_path: Path) -> None:
    """A missing file is looked for again at each probe, with no restart."""
    file = tmp_path / "url"
    exporter = start_exporter(DATABASE_URL_FILE=str(file))
    exporter.wait_for_verdict("misconfigured", within=3)
    file.write_text(server.url())

    exporter.wait_for_verdict("healthy", within=3)
    assert exporter.health().status == 200


@pytest.mark.extended
def test_a_list_of_databases_that_comes_later_is_read(
    start_exporter: StartExporter, server: Postgres, tmp_path: Path
) -> None:
    """DATABASES_FILE is read again at each probe: missing, then broken, then right, with all its databases."""
    file = tmp_path / "databases"
    exporter = start_exporter(DATABASES_FILE=str(file), PROBE_INTERVAL="0.2")
    until(lambda: "DATABASES_FILE names a file that does not exist" in exporter.log(), within=5, what="a sentence")
    assert exporter.verdict() == "misconfigured"

    file.write_text("{")
    until(lambda: "DATABASES is not JSON" in exporter.log(), within=5, what="the sentence about the new content")
    file.write_text(json.dumps({"orders": server.url(), "billing": {"url": server.url(), "required": False}}))

    until(lambda: "watching orders, billing" in exporter.log(), within=5, what="both databases")
    until(lambda: names(exporter) == {"orders": "healthy", "billing": "healthy"}, within=10, what="both are healthy")
    assert exporter.get("/livez").status == 200
    assert "Traceback" not in exporter.log()


def names(exporter: Exporter) -> dict[str, str]:
    """The verdict of each database."""
    answer = exporter.get("/healthz", accept="application/json")
    return {name: found["verdict"] for name, found in answer.json["databases"].items()}


@pytest.mark.extended
def test_an_entry_with_a_wrong_role_is_read_again(
    start_exporter: StartExporter, server: Postgres, tmp_path: Path
) -> None:
    """What is wrong beside the address mends itself, too."""
    file = tmp_path / "databases"
    file.write_text(json.dumps({"orders": {"url": server.url(), "expect": "master"}}))
    exporter = start_exporter(DATABASES_FILE=str(file), PROBE_INTERVAL="0.2")
    until(lambda: names(exporter) == {"orders": "misconfigured"}, within=5, what="the mistake")
    file.write_text(json.dumps({"orders": {"url": server.url(), "expect": "primary"}}))

    until(lambda: exporter.log().count("watching orders") == 2, within=5, what="a new start")
    until(lambda: names(exporter) == {"orders": "healthy"}, within=10, what="healthy")


@pytest.mark.extended
def test_what_a_later_address_leaves_out_is_told_once(
    start_exporter: StartExporter, server: Postgres, tmp_path: Path
) -> None:
    """A rotated file may bring a parameter that the exporter does not know: one line, however many connects."""
    file = tmp_path / "url"
    file.write_text(server.url())
    exporter = start_exporter(DATABASE_URL_FILE=str(file), FRESH_PROBE_INTERVAL="0.1", PROBE_INTERVAL="0.1")
    exporter.wait_for_verdict("healthy", within=5)
    assert "workaround" not in exporter.log()
    file.write_text(server.url(workaround="x"))

    until(lambda: "DATABASE_URL_FILE has an unknown parameter" in exporter.log(), within=5, what="the line")
    before = exporter.outcomes("fresh")["success"]
    until(lambda: exporter.outcomes("fresh")["success"] > before + 5, within=10, what="more connects")
    assert exporter.log().count('unknown parameter "workaround"') == 1


def secret(server: Postgres, **more: object) -> str:
    """A secret as AWS keeps it."""
    found = {"username": "app", "password": PASSWORD, "host": server.host, "port": server.port, "dbname": "app"}
    return json.dumps({**found, "engine": "postgres", **more})


@pytest.mark.extended
def test_a_json_secret_is_an_address(start_exporter: StartExporter, server: Postgres, tmp_path: Path) -> None:
    """AWS Secrets Manager's JSON is an address."""
    file = tmp_path / "secret"
    file.write_text(secret(server))
    exporter = start_exporter(DATABASE_URL_FILE=str(file))

    exporter.wait_for_verdict("healthy", within=3)


def test_a_json_secret_is_no_password(start_exporter: StartExporter, server: Postgres, tmp_path: Path) -> None:
    """A JSON secret as the password is reported as such, and never sent."""
    file = tmp_path / "secret"
    file.write_text(secret(server))
    exporter = start_exporter(
        DATABASE_HOST=server.host, DATABASE_PORT=str(server.port), DATABASE_USER="app", DATABASE_PASSWORD_FILE=str(file)
    )

    exporter.wait_for_verdict("misconfigured", within=3)
    assert "DATABASE_PASSWORD_FILE holds a whole secret" in exporter.log()
    assert "authentication failed" not in server.log()


def url_and_parts(server: Postgres) -> dict[str, str]:
    """A URL beside the parts of another address."""
    return {"DATABASE_URL": server.url(), "DATABASE_HOST": "elsewhere", "DATABASE_NAME": "x", "DATABASE_PASSWORD": "y"}


def several_in_a_file(server: Postgres) -> dict[str, str]:
    """A file that holds the databases: a note names the entry."""
    file = Path(tempfile.mkdtemp()) / "databases"
    file.write_text(json.dumps({"orders": server.url(workaround="x")}))
    return {"DATABASES_FILE": str(file)}


USED: dict[str, tuple[Callable[[Postgres], dict[str, str]], str]] = {
    "parts": (url_and_parts, "DATABASE_HOST, DATABASE_NAME, DATABASE_PASSWORD: not used"),
    "name": (lambda s: {"DATABASE_URL": s.url(), "DATABASE_NAME": "x"}, "DATABASE_NAME: not used"),
    "user": (lambda s: {"DATABASE_URL": s.url(), "DATABASE_USER": "x"}, "DATABASE_USER: not used"),
    "foreign": (lambda s: {"DATABASE_URL": s.url(), "DATABASES": "a,b"}, "DATABASES: not used"),
    "parameter": (lambda s: {"DATABASE_URL": s.url(workaround="x")}, 'unknown parameter "workaround"'),
    "file of several": (several_in_a_file, 'DATABASES: "orders": url has an unknown parameter "workaround"'),
    "schema": (lambda s: {"DATABASE_URL": s.url(search_path="app")}, 'unknown parameter "search_path"'),
    "binding": (lambda s: {"DATABASE_URL": s.url(channel_binding="require")}, "asks for no channel binding"),
    "driver": (lambda s: {"DATABASE_URL": s.url().replace("postgresql:", "postgresql+aiopg:")}, "asyncpg takes"),
    "quotes": (lambda s: {"DATABASE_URL": f'"{s.url()}"\n'}, ""),
    "mark": (lambda s: {"DATABASE_URL": f"\ufeff{s.url()}"}, ""),
    "pool": (lambda s: {"DATABASE_URL": s.url(), "DATABASE_POOL_SIZE": "many"}, "DATABASE_POOL_SIZE must be"),
    "link": (lambda s: {"DATABASE_URL": s.url(), "METRICS_PORT": "tcp://10.96.3.4:8080"}, "METRICS_PORT: not used"),
    "other names": (
        lambda s: {
            "DATABASE_HOSTNAME": s.host,
            "DATABASE_PORT": str(s.port),
            "DATABASE_DBNAME": "app",
            "DATABASE_USERNAME": "app",
            "DATABASE_PASS": PASSWORD,
        },
        "",
    ),
    "secret beside a host": (
        lambda s: {
            "DATABASE_URL": json.dumps({"username": "app", "password": PASSWORD}),
            "DATABASE_HOST": s.host,
            "DATABASE_PORT": str(s.port),
            "DATABASE_NAME": "app",
        },
        "",
    ),
    "lines": (
        lambda s: {
            "DATABASE_HOST": f'"{s.host}"\n',
            "DATABASE_PORT": f"'{s.port}'\n",
            "DATABASE_NAME": "app\n",
            "DATABASE_USER": "app\n",
            "DATABASE_PASSWORD": f"{PASSWORD}\n",
        },
        "",
    ),
}


@pytest.mark.sampled(1)
@pytest.mark.parametrize("name", USED)
def test_what_can_be_understood_is_used(start_exporter: StartExporter, server: Postgres, name: str) -> None:
    """The probe passes; one line of the log, and of `check --explain`, says what was left out or replaced."""
    make, sentence = USED[name]
    environment = make(server)
    exporter = start_exporter(**environment)

    exporter.wait_for_verdict("healthy", within=3)
    assert exporter.log().count(sentence) == 1 or not sentence
    done = run("check", "--explain", **{**environment, "DATABASE_POOL_SIZE": "5"})  # type: ignore[arg-type]
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_value_that_is_not_utf8_ends_nothing(start_exporter: StartExporter) -> None:
    """`serve` listens although a value is not UTF-8."""
    exporter = start_exporter(DATABASE_URL="postgresql://app:\udcff\udcfe@h/app")

    exporter.wait_for_verdict("misconfigured", within=3)
    assert exporter.get("/livez").status == 200


@pytest.mark.sampled(1)
@pytest.mark.parametrize("level", ["WARN", "Warning", "CRITICAL", "trace"])
def test_log_level_of_another_library_becomes_the_nearest(
    start_exporter: StartExporter, server: Postgres, level: str
) -> None:
    """A LOG_LEVEL in another library's words is taken as the nearest of the exporter's levels."""
    assert start_exporter(server.url(), LOG_LEVEL=level).get("/livez").status == 200
