"""The embedded PostgreSQL: made, started, broken on demand, mended and ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import asyncpg

from exporter.demo import parts, processes, wheel
from exporter.demo.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

MAX_CONNECTIONS = 20
STARTS_WITHIN = 30.0  # seconds
ANSWERS_WITHIN = 3.0  # seconds for a statement of the demo's own
REFILLED_EVERY = 0.05  # seconds
FLAGS = (
    "fsync=off",  # what is thrown away need not survive a power cut
    "synchronous_commit=off",
    f"max_connections={MAX_CONNECTIONS}",
    "shared_buffers=8MB",
    f"listen_addresses={LOOPBACK}",
    "unix_socket_directories=",
    "autovacuum=off",
)

INITDB_FLAGS = (
    "--no-sync",
    "--no-data-checksums",
    "--no-instructions",
    "-U",
    "postgres",
    "-E",
    "UTF8",
    "--locale=C",
    "-A",
    "scram-sha-256",
)


@dataclass(slots=True)
class Database:
    """One cluster with a database `shop` of the role `shop`; passwords are made up for this run."""

    folder: Path
    port: int
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    _master_password: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    _part: parts.Part | None = None
    _fillers: list[asyncpg.Connection] = field(default_factory=list)
    _filling: asyncio.Task[None] | None = None

    @property
    def data(self) -> Path:
        """The cluster's folder."""
        return self.folder / "data"

    @property
    def url(self) -> str:
        """The address that the application and the exporter use."""
        return f"postgresql://shop:{self.password}@{LOOPBACK}:{self.port}/shop"

    @property
    def part(self) -> parts.Part:
        """The server's process.

        Raises:
            RuntimeError: it was not started.
        """
        if self._part is None:
            raise RuntimeError("the database was not started")
        return self._part

    async def start(self) -> None:
        """Make the cluster, start the server and create role and database."""
        user = wheel.servant()
        binaries = await asyncio.to_thread(wheel.binaries, self.folder, user)
        self.data.mkdir(mode=0o700)
        secret = self.folder / "secret"
        secret.touch(mode=0o600)
        secret.write_text(self._master_password)
        if user is not None:
            os.chown(self.data, user, user)
            os.chown(secret, user, user)
        command: list[str | Path] = [
            binaries / "initdb",
            "-D",
            self.data,
            *INITDB_FLAGS,
            f"--pwfile={secret}",
        ]
        made = await parts.start("initdb", command, folder=self.folder, user=user)
        if await made.process.wait():
            raise RuntimeError(f"PostgreSQL's initdb failed:\n{made.last_words()}")
        secret.unlink()
        flags = [word for flag in (*FLAGS, f"port={self.port}") for word in ("-c", flag)]
        command = [binaries / "postgres", "-D", self.data, *flags]
        self._part = await parts.start("postgres", command, folder=self.folder, user=user)
        await self._furnish()

    async def _furnish(self) -> None:
        async with asyncio.timeout(STARTS_WITHIN):
            while True:
                try:
                    async with self.master("postgres") as connection:
                        await connection.execute(f"CREATE ROLE shop LOGIN PASSWORD '{self.password}'")
                        await connection.execute("CREATE DATABASE shop OWNER shop")
                except (OSError, asyncpg.CannotConnectNowError):
                    if self.part.process.returncode is not None:
                        raise RuntimeError(f"PostgreSQL did not start:\n{self.part.last_words()}") from None
                    await asyncio.sleep(0.02)
                else:
                    return

    @contextlib.asynccontextmanager
    async def master(self, database: str = "shop") -> AsyncIterator[asyncpg.Connection]:
        """Yield a superuser's connection: a full server has room for it, and a read-only one lets it write."""
        connection = await asyncpg.connect(
            host=LOOPBACK,
            port=self.port,
            user="postgres",
            password=self._master_password,
            database=database,
            ssl=False,
            timeout=ANSWERS_WITHIN,
            command_timeout=ANSWERS_WITHIN,
            server_settings={"default_transaction_read_only": "off"},
        )
        try:
            yield connection
        finally:
            connection.terminate()

    def freeze(self) -> None:
        """Stop every process of the server: the kernel still accepts connections, nobody answers."""
        processes.freeze(self.part.process.pid)

    def thaw(self) -> None:
        """End a freeze."""
        processes.thaw(self.part.process.pid)

    async def rotate(self, *, back: bool) -> None:
        """Give the role a password that nobody was told, or the former one back."""
        word = self.password if back else secrets.token_urlsafe(12)
        async with self.master() as connection:
            await connection.execute(f"ALTER ROLE shop PASSWORD '{word}'")

    async def set_read_only(self, *, value: bool) -> None:
        """Refuse writes, or allow them again, for every session at once."""
        async with self.master() as connection:
            await connection.execute(f"ALTER SYSTEM SET default_transaction_read_only = {'on' if value else 'off'}")
            await connection.execute("SELECT pg_reload_conf()")

    async def fill(self) -> int:
        """Take every connection that is left, and those that others give back; return how many there were at first."""
        await self._take_all()
        if self._filling is None:
            self._filling = asyncio.create_task(self._keep_full(), name="fill")
        return len(self._fillers)

    def drain(self) -> None:
        """Give those connections back."""
        if self._filling is not None:
            self._filling.cancel()
            self._filling = None
        while self._fillers:
            self._fillers.pop().terminate()

    async def _keep_full(self) -> None:
        while True:
            await asyncio.sleep(REFILLED_EVERY)
            with contextlib.suppress(OSError, TimeoutError, asyncpg.PostgresError):
                await self._take_all()

    async def _take_all(self) -> None:
        with contextlib.suppress(asyncpg.TooManyConnectionsError):
            while True:
                self._fillers.append(await asyncpg.connect(self.url, ssl=False, timeout=ANSWERS_WITHIN))

    async def end(self) -> None:
        """End the server, frozen or not, by its immediate shutdown, which takes its shared memory with it."""
        self.drain()
        if self._part is not None and self._part.process.returncode is None:
            self.thaw()
            await self._part.end(signal.SIGQUIT)
        processes.remove_shared_memory(self.data)
