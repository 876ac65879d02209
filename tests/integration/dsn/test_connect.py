"""Connections from a URL, with both drivers, to real servers."""

import asyncio
import dataclasses
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import psycopg
import pytest

from exporter import dsn
from exporter.dsn import DsnError, Source, Target, parse
from tests.support.certificates import Authority, write
from tests.support.postgres import SCHEMES, Postgres
from tests.support.template import Template

EVERY_CHARACTER = "".join(chr(code) for code in range(1, 128))


async def transports_closed() -> None:
    """A failed connect closes its transport later; this test's loop must live that long."""
    known = asyncio.get_running_loop()._transports  # type: ignore[attr-defined]
    async with asyncio.timeout(5):
        while any(transport._sock for transport in known.values()):
            await asyncio.sleep(0.01)


async def connected(target: Target) -> tuple[Any, ...]:
    """Connect with a driver and ask the server for the client's user, database and address."""
    question = (
        "SELECT current_user::text, current_database()::text, current_setting('application_name'), "
        "(SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid())"
    )
    if target.driver == "psycopg":
        async with await psycopg.AsyncConnection.connect(**target.connect_arguments()) as other:
            found = await (await other.execute(question)).fetchone()
            assert found is not None
            return tuple(found)
    try:
        connection = await asyncpg.connect(**target.connect_arguments())
        try:
            return tuple(await connection.fetchrow(question))
        finally:
            await connection.close()
    finally:
        await transports_closed()


@pytest.fixture(scope="module")
def plain_server(template: Template) -> Iterator[Postgres]:
    """One server for all tests that change nothing."""
    made = template.copy()
    with closing(made):
        made.start()
        yield made


@pytest.fixture(scope="module")
def secure_server(tls_template: Template, authority: Authority) -> Iterator[Postgres]:
    """A server with TLS and a certificate for its address."""
    made = tls_template.copy()
    with closing(made):
        made.serve_tls(authority.server("127.0.0.1"))
        made.start()
        yield made


@pytest.fixture(scope="module")
def strict_server(tls_template: Template, authority: Authority) -> Iterator[Postgres]:
    """A server that requires a client certificate."""
    made = tls_template.copy()
    with closing(made):
        made.serve_tls(authority.server("127.0.0.1"), clients=authority)
        made.start()
        made.allow("hostssl all all all cert")
        yield made


@pytest.fixture(scope="module")
def awkward(plain_server: Postgres) -> tuple[str, str, str]:
    """A role, its password and its database, as awkward as PostgreSQL allows."""
    user, database = "us:er @/%41?#&", 'da"ta/ba?se#%'
    with plain_server.connect() as connection:
        role = psycopg.sql.Identifier(user)
        connection.execute(psycopg.sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, EVERY_CHARACTER))
        connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(database)))
    return user, EVERY_CHARACTER, database


@pytest.mark.parametrize("way", ["url", "host", "file", "socket", "socket file"])
async def test_a_real_server_takes_every_character(
    plain_server: Postgres,
    awkward: tuple[str, str, str],
    tmp_path: Path,
    driver: str,
    way: str,
) -> None:
    """Every character works in user, password and database, percent-encoded or in parts, with both drivers."""
    user, password, database = awkward
    scheme = "postgresql+psycopg" if driver == "psycopg" else "postgresql"
    name, secret, base = (quote(part, safe="") for part in awkward)
    (tmp_path / "password").write_text(password + "\n")
    sources = {
        "url": Source(url=f"{scheme}://{name}:{secret}@127.0.0.1:{plain_server.port}/{base}"),
        "host": Source(host="127.0.0.1", port=plain_server.port, user=user, password=password, name=database),
        "file": Source(
            url=f"{scheme}://{name}:wrong@127.0.0.1:{plain_server.port}/{base}",
            password_file=str(tmp_path / "password"),
        ),
        "socket file": Source(
            url=f"{scheme}://postgres@/{base}?host={plain_server.data}/.s.PGSQL.{plain_server.port}",
        ),
        "socket": Source(url=f"{scheme}://postgres@/{base}?host={plain_server.data}&port={plain_server.port}"),
    }

    found = await connected(sources[way].target())

    assert found[:3] == ("postgres" if way.startswith("socket") else user, database, "db-health-exporter")


async def test_several_hosts_are_tried_until_one_has_the_role(plain_server: Postgres, driver: str) -> None:
    """A stopped host is passed over."""
    with socket.socket() as dead:
        dead.bind(("127.0.0.1", 0))
        url = plain_server.url(driver).replace("@127.0.0.1:", f"@127.0.0.1:{dead.getsockname()[1]},127.0.0.1:")
        found = await connected(parse(url.partition("?")[0] + "?target_session_attrs=primary"))

    assert found[1] == "app"


async def test_options_reach_the_server(plain_server: Postgres, driver: str) -> None:
    """The driver sends `options` as libpq does."""
    target = parse(plain_server.url(driver, options="-c statement_timeout=1234", application_name="a b"))

    assert (await connected(target))[2] == "a b"
    with pytest.raises((asyncpg.PostgresError, psycopg.Error)):
        await connected(dataclasses.replace(target, options="-c no_such_setting=1"))


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A container whose variables and home directory point elsewhere."""
    home = tmp_path / "home"
    (home / ".postgresql").mkdir(parents=True)
    for name in ("root.crt", "root.crl", "postgresql.crt", "postgresql.key"):
        (home / ".postgresql" / name).write_text("no certificate")
    (home / ".pgpass").write_text("*:*:*:*:wrong\n")
    (home / ".pgpass").chmod(0o600)
    environment = {
        "HOME": str(home),
        "PGHOST": "nowhere.invalid",
        "PGHOSTADDR": "192.0.2.1",
        "PGPORT": "1",
        "PGUSER": "wrong",
        "PGPASSWORD": "wrong",
        "PGDATABASE": "wrong",
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": "/nowhere",
        "PGSSLCERT": "/nowhere",
        "PGSSLKEY": "/nowhere",
        "PGSSLCRL": "/nowhere",
        "PGSSLNEGOTIATION": "direct",
        "PGTARGETSESSIONATTRS": "standby",
        "PGOPTIONS": "-c no_such_setting=1",
        "PGAPPNAME": "wrong",
        "PGSERVICE": "wrong",
        "PGREQUIREAUTH": "none",
        "PGCLIENTENCODING": "wrong",
        "SSLKEYLOGFILE": str(tmp_path / "keys"),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    dsn.isolate(os.environ)
    yield
    assert not (tmp_path / "keys").exists()


@pytest.mark.extended
@pytest.mark.usefixtures("hostile")
@pytest.mark.parametrize("mode", ["disable", "prefer", "require"])
async def test_the_containers_variables_and_home_change_nothing(
    secure_server: Postgres,
    driver: str,
    mode: str,
) -> None:
    """Only the settings say where to connect, as whom and how."""
    found = await connected(parse(secure_server.url(driver, sslmode=mode)))

    assert found == ("app", "app", "db-health-exporter", mode != "disable")


@pytest.mark.parametrize(
    ("mode", "root", "name", "accepted"),
    [
        ("disable", "none", "127.0.0.1", True),
        ("allow", "none", "127.0.0.1", True),
        ("prefer", "none", "127.0.0.1", True),
        ("require", "none", "127.0.0.1", True),
        ("require", "ours", "localhost", True),
        ("require", "other", "127.0.0.1", False),
        ("verify-ca", "ours", "localhost", True),
        ("verify-ca", "other", "127.0.0.1", False),
        ("verify-full", "ours", "127.0.0.1", True),
        ("verify-full", "ours", "localhost", False),
        ("verify-full", "other", "127.0.0.1", False),
        ("verify-full", "system", "127.0.0.1", False),
    ],
)
async def test_each_sslmode_verifies_what_libpqs_does(
    secure_server: Postgres,
    authority: Authority,
    tmp_path: Path,
    driver: str,
    mode: str,
    root: str,
    name: str,
    accepted: bool,
) -> None:
    """The server's certificate is for 127.0.0.1, signed by our authority; the host is given by either name."""
    roots: dict[str, dict[str, Any]] = {
        "none": {},
        "ours": {"sslrootcert": write(tmp_path, "ours.crt", authority.certificate)},
        "other": {"sslrootcert": write(tmp_path, "other.crt", Authority("another").certificate)},
        "system": {"sslrootcert": "system"},
    }
    target = parse(secure_server.url(driver, host=name, sslmode=mode, **roots[root]))

    if accepted:
        assert (await connected(target))[3] == (mode not in {"disable", "allow"})
    else:
        with pytest.raises((ssl.SSLCertVerificationError, psycopg.OperationalError), match="certificate"):
            await connected(target)


@pytest.mark.parametrize("mode", ["prefer", "require", "verify-full"])
@pytest.mark.parametrize("password", ["", "hunter2"])
async def test_a_client_certificate_is_shown(
    strict_server: Postgres,
    authority: Authority,
    tmp_path: Path,
    driver: str,
    mode: str,
    password: str,
) -> None:
    """A client certificate works with an encrypted or a plain key; without it the server refuses."""
    pair = authority.client("app")
    tls: dict[str, Any] = {
        "sslmode": mode,
        "sslcert": write(tmp_path, "app.crt", pair.certificate),
        "sslkey": write(tmp_path, "app.key", pair.locked(password) if password else pair.key),
        **({"sslpassword": password} if password else {}),
        **({"sslrootcert": write(tmp_path, "root.crt", authority.certificate)} if mode == "verify-full" else {}),
    }

    assert await connected(parse(strict_server.url(driver, **tls))) == ("app", "app", "db-health-exporter", True)
    without = {key: value for key, value in tls.items() if key not in {"sslcert", "sslkey", "sslpassword"}}
    with pytest.raises((asyncpg.InvalidAuthorizationSpecificationError, psycopg.OperationalError)):
        await connected(parse(strict_server.url(driver, **without)))


@pytest.mark.parametrize("mode", ["allow", "prefer", "require", "verify-full"])
def test_an_encrypted_key_without_its_password_is_refused(
    authority: Authority,
    tmp_path: Path,
    driver: str,
    mode: str,
) -> None:
    """It is refused before a driver gets it, at each connect: libpq would wait for a password at the terminal."""
    pair = authority.client("app")
    certificate, key = write(tmp_path, "app.crt", pair.certificate), write(tmp_path, "app.key", pair.key)
    root = write(tmp_path, "root.crt", authority.certificate)
    scheme = SCHEMES[driver]
    target = parse(f"{scheme}://app@h/db?sslmode={mode}&sslcert={certificate}&sslkey={key}&sslrootcert={root}")
    on_socket = dataclasses.replace(target, hosts=(("/nowhere", 5432),))
    target.connect_arguments()

    write(tmp_path, "app.key", pair.locked("hunter2"))
    with pytest.raises(DsnError, match="sslpassword is wrong or missing") as error:
        target.connect_arguments()
    assert isinstance(error.value.__cause__, ssl.SSLError)
    dataclasses.replace(target, sslpassword="hunter2").connect_arguments()
    on_socket.connect_arguments()


@pytest.mark.parametrize("mode", ["prefer", "verify-full"])
async def test_a_socket_needs_no_certificate(plain_server: Postgres, driver: str, mode: str) -> None:
    """Over a Unix socket there is no TLS, as with libpq, so that missing certificate files do not matter."""
    files = "sslrootcert=/none&sslcert=/none&sslkey=/none"
    place = f"host={plain_server.data}&port={plain_server.port}"

    found = await connected(parse(f"{SCHEMES[driver]}://app@/app?{place}&sslmode={mode}&{files}"))

    assert found[3] is False
