"""One cluster that initdb made for the whole run, and cheap copies of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.postgres import PASSWORD, Postgres
from tests.support.server_factory import ServerFactory


@dataclass(frozen=True)
class Template:
    """An idle cluster with the role and the database `app`."""

    server_factory: ServerFactory
    binaries: Path
    data: Path

    def copy(self, *, host: str = "127.0.0.1", prefix: Sequence[str] = ()) -> Postgres:
        """A new cluster, not yet started; the prefix stands before the server's command."""
        data = self.server_factory.folder("pg", private=True)
        self.server_factory.run(["cp", "-a", "--reflink=auto", f"{self.data}/.", data])
        server = Postgres(self.server_factory, data, binaries=self.binaries, host=host)
        server.prefix = list(prefix)
        return server


def make_template(server_factory: ServerFactory, binaries: Path) -> Template:
    """Run initdb and create the role and the database `app`."""
    data = server_factory.folder("template", private=True)
    initdb = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--wal-segsize=1", "--no-sync"]
    server_factory.run([binaries / "initdb", "-D", data, *initdb])
    server = Postgres(server_factory, data, binaries=binaries)
    server.start()
    try:
        server.sql(f"CREATE ROLE app LOGIN PASSWORD '{PASSWORD}'", database="postgres")
        server.sql("CREATE DATABASE app OWNER app", database="postgres")
        # Each database in the cluster adds 7 MB to every copy.
        server.sql("UPDATE pg_database SET datistemplate = false WHERE datname = 'template0'")
        for unused in ("template0", "postgres"):
            server.sql(f"DROP DATABASE {unused}")
    finally:
        server.stop("fast")
    (data / "log").unlink()
    return Template(server_factory, binaries, data)
