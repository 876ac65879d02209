"""What initdb made once for a whole run, and cheap copies of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.servers.postgres import PASSWORD, Postgres
from tests.servers.workshop import Workshop


@dataclass(frozen=True)
class Template:
    """An idle cluster with the role and the database `app`."""

    workshop: Workshop
    binaries: Path
    data: Path

    def copy(self, *, host: str = "127.0.0.1", prefix: Sequence[str] = ()) -> Postgres:
        """A new cluster, not yet started; the prefix stands before the server's command."""
        data = self.workshop.folder("pg", private=True)
        self.workshop.run(["cp", "-a", "--reflink=auto", f"{self.data}/.", data])
        server = Postgres(self.workshop, data, binaries=self.binaries, host=host)
        server.prefix = list(prefix)
        return server


def make_template(workshop: Workshop, binaries: Path) -> Template:
    """Run initdb and create the role and the database `app`."""
    data = workshop.folder("template", private=True)
    initdb = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--wal-segsize=1", "--no-sync"]
    workshop.run([binaries / "initdb", "-D", data, *initdb])
    server = Postgres(workshop, data, binaries=binaries)
    server.start()
    try:
        server.sql(f"CREATE ROLE app LOGIN PASSWORD '{PASSWORD}'", database="postgres")
        server.sql("CREATE DATABASE app OWNER app", database="postgres")
        # Every copy costs what it holds: 7 MB for each database.
        server.sql("UPDATE pg_database SET datistemplate = false WHERE datname = 'template0'")
        for unused in ("template0", "postgres"):
            server.sql(f"DROP DATABASE {unused}")
    finally:
        server.stop("fast")
    (data / "log").unlink()
    return Template(workshop, binaries, data)
