"""A password is in no output of any kind, whatever goes wrong and however much is logged."""

import json
import random
import string
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from exporter.database.engine import PoolOptions, check_db_connection, make_engine
from exporter.database.errors import describe
from exporter.dsn import Source
from exporter.model.role import ExpectedRole
from exporter.settings.config import DatabaseConfig
from tests.conftest import StartExporter
from tests.support import processes
from tests.support.command import run
from tests.support.exporter import Exporter
from tests.support.ports import free_port
from tests.support.postgres import SCHEMES, Postgres
from tests.support.template import Template

# Every character that can be typed, in an order that no other text has by chance.
PASSWORD = "".join(random.Random(42).sample(string.printable[:95], 95))
PIECE = 8
LOUD: dict[str, Any] = {"LOG_LEVEL": "debug", "DATABASE_ECHO": "true"}
WAYS = ("url", "raw url", "password", "password file", "url file", "databases")


def shapes() -> set[str]:
    """The password in plain text, and quoted for a URL, JSON, a repr and SQL."""
    return {
        PASSWORD,
        quote(PASSWORD, safe=""),
        quote_plus(PASSWORD),
        json.dumps(PASSWORD)[1:-1],
        repr(PASSWORD)[1:-1],
        PASSWORD.replace("'", "''"),
    }


def told(text: str) -> str:
    """The first piece of the password that a text contains."""
    for shape in shapes():
        for start in range(len(shape) - PIECE + 1):
            if shape[start : start + PIECE] in text:
                return shape[start : start + PIECE]
    return ""


def test_the_search_finds_a_piece() -> None:
    """The search for pieces finds one."""
    assert told(f"... {PASSWORD[20:40]} ...")
    assert told(quote(PASSWORD))
    assert not told("an innocent line, 0123456789 abcdefghijklmnopqrstuvwxyz")


@pytest.fixture(scope="module")
def server(template: Template) -> Iterator[Postgres]:
    """A PostgreSQL whose role has that password."""
    made = template.copy()
    made.start()
    made.sql("CREATE ROLE careful LOGIN PASSWORD '{}'".format(PASSWORD.replace("'", "''")))
    made.sql("GRANT CREATE ON SCHEMA public TO careful")
    yield made
    made.close()


def settings(way: str, server: Postgres, folder: Path, *, driver: str = "asyncpg", port: int = 0) -> dict[str, Any]:
    """The same address in each form that the settings accept."""
    place = f"127.0.0.1:{port or server.port}/app"
    url = f"{SCHEMES[driver]}://careful:{quote(PASSWORD, safe='')}@{place}"
    parts = {
        "DATABASE_HOST": "127.0.0.1",
        "DATABASE_PORT": str(port or server.port),
        "DATABASE_NAME": "app",
        "DATABASE_USER": "careful",
    }
    if driver != "asyncpg":  # only a URL names the other driver
        parts = {"DATABASE_URL": f"{SCHEMES[driver]}://careful@{place}"}
    file = folder / "secret"
    if way == "url file":
        file.write_text(url + "\n")
        return {"DATABASE_URL_FILE": str(file)}
    if way == "password":
        return {**parts, "DATABASE_PASSWORD": PASSWORD}
    if way == "password file":
        file.write_text(PASSWORD + "\n")
        return {**parts, "DATABASE_PASSWORD_FILE": str(file)}
    if way == "databases":
        return {"DATABASES": json.dumps({"one": url, "two": {"url": url, "required": False}})}
    if way == "raw url":  # only characters that a URL must encode are encoded
        url = url.replace(quote(PASSWORD, safe=""), quote(PASSWORD, safe="!$&'()*+,;=~-._"))
    return {"DATABASE_URL": url}


def everything(exporter: Exporter) -> str:
    """Every output of a running exporter; its environment is only for its own user."""
    pages = ["/", "/metrics", "/healthz?verbose", "/readyz?verbose", "/livez?verbose", "/app/livez?verbose"]
    said = [exporter.get(page).text for page in pages]
    said += [exporter.get(page.split("?")[0], accept="application/json").text for page in pages]
    said += [exporter.get("/healthz?database=" + "x" * 20).text]
    said += [processes.title(pid) for pid in processes.tree(exporter.process.pid)]
    return "\n".join([*said, exporter.log()])


@pytest.mark.sampled(1)
@pytest.mark.parametrize("way", WAYS)
def test_serving_shows_no_password(
    server: Postgres, driver: str, tmp_path: Path, start_exporter: StartExporter, way: str
) -> None:
    """It connects with the password, and no output shows it, at the level debug with echo on."""
    style = "json" if way in {"url", "password file"} else "text"
    where = settings(way, server, tmp_path, driver=driver)
    exporter = start_exporter(**where, **LOUD, LOG_FORMAT=style, FRESH_PROBE_INTERVAL="1")
    exporter.wait_for("success", within=10)
    exporter.wait_for("success", path="fresh", within=10)

    assert not told(everything(exporter))
    assert exporter.terminate() == 0
    assert not told(exporter.log())


def test_failures_show_no_password(
    template: Template, driver: str, tmp_path: Path, start_exporter: StartExporter
) -> None:
    """No failure of a connection shows it: refused, rejected, cut off, no PostgreSQL."""
    server = template.copy()
    server.start()
    try:
        server.sql("CREATE ROLE careful LOGIN PASSWORD 'another'")
        where = settings("url", server, tmp_path, driver=driver)
        exporter = start_exporter(**where, **LOUD, FRESH_PROBE_INTERVAL="1", WRITE_PROBE_INTERVAL="1")
        for path in ("pooled", "fresh", "write"):
            exporter.wait_for("auth", path=path, within=10)
        server.sql("ALTER ROLE careful PASSWORD '{}'".format(PASSWORD.replace("'", "''")))
        exporter.wait_for("success", within=10)
        exporter.wait_for("error", path="write", within=10)  # there is no table
    finally:
        server.stop("immediate")
    exporter.wait_for("refused", within=10)

    assert not told(everything(exporter))


@pytest.mark.sampled(1)
@pytest.mark.parametrize("command", ["check", "wait", "init-db"])
@pytest.mark.parametrize("reachable", [True, False])
def test_commands_show_no_password(
    server: Postgres, driver: str, tmp_path: Path, command: str, reachable: bool
) -> None:
    """No command's output shows it."""
    where = settings("url", server, tmp_path, driver=driver, port=0 if reachable else free_port())
    arguments = [command, *(["--timeout", "1s"] if command == "wait" else [])]
    done = run(*arguments, **where, **LOUD)

    assert done.returncode == (0 if reachable else 1), done.stderr
    assert not told(done.stdout + done.stderr)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("wrong", ["LISTEN_PORT", "PROBE_TIMEOUT", "DATABASE_URL", "DATABASES"])
def test_bad_settings_show_no_password(server: Postgres, tmp_path: Path, wrong: str) -> None:
    """An error about a bad setting does not repeat the value."""
    where = settings("url", server, tmp_path)
    if wrong == "DATABASE_URL":
        where["DATABASE_URL"] = where["DATABASE_URL"].replace("127.0.0.1:", "127.0.0.1:x")
    elif wrong == "DATABASES":
        where = {"DATABASES": json.dumps({"one": where["DATABASE_URL"]})[:-3]}
    else:
        where[wrong] = PASSWORD
    done = run("check", **where, **LOUD)

    assert done.returncode == 2
    assert wrong in done.stderr
    assert not told(done.stdout + done.stderr)


async def test_tracebacks_show_no_password(
    server: Postgres, driver: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The traceback of a connection's error shows types, places and the server's message, no password."""
    right = settings("url", server, tmp_path, driver=driver)["DATABASE_URL"]
    seen: list[str] = []

    def keep(error: Exception) -> None:
        seen.extend((*traceback.format_exception(error), describe(error), repr(error)))

    for wrong in (
        right.replace(f":{server.port}/", f":{free_port()}/"),
        right.replace("/app", "/nowhere"),
        right.replace("careful", "stranger"),
        right + "?sslmode=require",
    ):
        engine = make_engine(Source(url=wrong), PoolOptions(echo=True), pooled=False)
        assert await check_db_connection(engine, on_failure=keep) is False
        assert await check_db_connection(engine) is False

    assert len(seen) > 20
    assert not told("".join(seen) + caplog.text)


@pytest.mark.extended
def test_reprs_show_no_password(server: Postgres, tmp_path: Path) -> None:
    """No object's repr shows it."""
    url = settings("url", server, tmp_path)["DATABASE_URL"]
    by_url = Source(url=url)
    by_parts = Source(host="127.0.0.1", user="careful", password=PASSWORD)
    engine = make_engine(by_url, PoolOptions())
    shown = [by_url, by_parts, by_url.target(), by_parts.target(), engine, engine.url, engine.sync_engine.pool]
    shown += [
        DatabaseConfig(name="app", source=by_parts, expect=ExpectedRole.ANY, required=True),
        replace(by_url, entry="one"),
    ]

    assert not told("\n".join(f"{each!r} {each}" for each in shown))
