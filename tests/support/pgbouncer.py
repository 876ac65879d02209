"""Debian's PgBouncer in front of a real server, in transaction mode."""

from typing import Any

import psycopg

from tests.support import processes
from tests.support.needs import need_tools
from tests.support.ports import free_port
from tests.support.postgres import PASSWORD, Postgres
from tests.support.server_factory import ServerFactory
from tests.support.waiting import until


class PgBouncer:
    """One instance for the database `app`; its console takes PAUSE, RESUME and SHOW."""

    def __init__(self, server_factory: ServerFactory, server: Postgres, **settings: str | int) -> None:
        """Start it and wait until it listens."""
        need_tools("pgbouncer")
        self.server_factory = server_factory
        self.port = free_port()
        self.folder = server_factory.folder("pgbouncer", private=True)
        passwords = self.folder / "users"
        passwords.write_text(f'"app" "{PASSWORD}"\n"postgres" "{PASSWORD}"\n')
        lines = {
            "listen_addr": "127.0.0.1",
            "listen_port": self.port,
            "unix_socket_dir": self.folder,
            "auth_type": "scram-sha-256",
            "auth_file": passwords,
            "admin_users": "postgres",
            "pool_mode": "transaction",
            "ignore_startup_parameters": "extra_float_digits",
            "server_login_retry": 1,
            **settings,
        }
        configuration = self.folder / "pgbouncer.ini"
        target = f"app = host={server.host} port={server.port} dbname=app"
        body = "".join(f"{name} = {value}\n" for name, value in lines.items())
        configuration.write_text(f"[databases]\n{target}\n[pgbouncer]\n{body}")
        for file in (passwords, configuration):
            server_factory.give(file, mode=0o600)
        with (self.folder / "log").open("ab") as log:
            self.process = server_factory.spawn(["pgbouncer", configuration], cwd=self.folder, output=log)
        until(self._listening, within=10, what="PgBouncer listens")

    def console(self, command: str) -> list[dict[str, Any]]:
        """Run one administrator's command."""
        with psycopg.connect(
            host=str(self.folder),
            port=self.port,
            dbname="pgbouncer",
            user="postgres",
            password=PASSWORD,
            autocommit=True,
        ) as connection:
            # The console understands only the simple protocol, which a client cursor uses.
            cursor = psycopg.ClientCursor(connection)
            cursor.execute(command.encode())
            names = [column.name for column in cursor.description or ()]
            rows = cursor.fetchall() if cursor.description else []
            return [dict(zip(names, row, strict=True)) for row in rows]

    def sessions(self, user: str = "app") -> int:
        """How many clients a role has here."""
        return sum(client["user"] == user for client in self.console("SHOW CLIENTS"))

    def close(self) -> None:
        """End it at once."""
        if self.process.poll() is None:
            processes.kill(self.process.pid)
            self.process.wait()

    def _listening(self) -> bool:
        assert self.process.poll() is None, (self.folder / "log").read_text()
        return (self.folder / f".s.PGSQL.{self.port}").exists()
