"""`check --explain`: a line with its time for each stage of a connection; the first that fails says what to try."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.cli.stage_report import STAGE_TIMEOUT, StageError, StageReport, print_line, print_stage
from exporter.database import stages
from exporter.database.attempt import Phase
from exporter.database.connector import TLS_REQUIRED
from exporter.database.engine import PoolOptions, abort_connection, close_db, make_engine
from exporter.database.errors import describe
from exporter.database.server_stats import read_server_stats
from exporter.database.stages import Stage, StageWarning
from exporter.dsn import DsnError

if TYPE_CHECKING:
    from exporter.database.sqlalchemy_core import AsyncConnection, AsyncEngine
    from exporter.dsn import Target
    from exporter.settings.config import Config, DatabaseConfig

NEARLY_FULL = 0.85  # of the server's connections: the line becomes a warning


async def explain(config: Config) -> int:
    """Explain one database after the other; 0 if all that are required pass, else 1."""
    passed = True
    for database in config.databases:
        print_line(f"{database.name}")
        if not await _explain(config, database) and database.required:
            passed = False
    return int(not passed)


async def _explain(config: Config, database: DatabaseConfig) -> bool:
    try:
        target = database.source.try_out()
    except DsnError as error:
        print_stage("-", "settings", None, str(error))
        return False
    for note in database.source.notes():
        print_stage("!", "settings", None, note)
    report = StageReport(tls_required=target.sslmode in TLS_REQUIRED)
    engine = make_engine(database.source, PoolOptions(), pooled=False)
    try:
        await _reach(report, target)
        await _use(report, config, database, engine)
    except StageError:
        report.finish()
        return False
    finally:
        await close_db(engine)
    limit = config.probe_timeout
    slow = f"; a probe is given {limit:g} s (PROBE_TIMEOUT)" if report.seconds > limit else ""
    print_line(f"  all stages passed in {report.seconds * 1000:.1f} ms{slow}")
    return True


async def _reach(report: StageReport, target: Target) -> None:
    """Report the stages of the network: name, TCP and TLS."""
    await report.run(Stage.NAME_RESOLUTION, stages.resolve(target), phase=Phase.RESOLVING)
    stream, host, _ = await report.run(
        Stage.TCP_CONNECT,
        stages.connect(target, within=STAGE_TIMEOUT),
        lambda reached: reached[2],
        phase=Phase.CONNECTING,
    )
    try:
        await report.run(Stage.TLS, stages.start_tls(stream, host, target), phase=Phase.CONNECTING)
    finally:
        stages.abort(stream)


async def _use(report: StageReport, config: Config, database: DatabaseConfig, engine: AsyncEngine) -> None:
    """Report the stages of the driver's connection: log-in, query, role, connections, write."""
    target = database.source.target()
    words = f"{target.user} may connect to {target.database}, by a whole new connection"
    connection = await report.run(Stage.AUTHENTICATION, _connect(engine), lambda _: words, phase=Phase.CONNECTING)
    try:
        await report.run(Stage.QUERY, stages.query(connection), phase=Phase.QUERYING)
        await report.run(Stage.ROLE, stages.role(connection, expect=database.expect), phase=Phase.QUERYING)
        await report.run(Stage.CONNECTIONS, _connections(connection, config.pod_ip), phase=Phase.QUERYING)
    except StageError:
        await abort_connection(connection)
        raise
    await connection.close()
    if config.write_probe_interval:
        await report.run(Stage.WRITE, _write(engine), phase=Phase.QUERYING)
    else:
        report.skip(Stage.WRITE, "not asked for (WRITE_PROBE_INTERVAL)")


async def _connect(engine: AsyncEngine) -> AsyncConnection:
    return await engine.connect()


async def _connections(connection: AsyncConnection, pod_ip: str | None) -> str:
    try:
        stats = await read_server_stats(connection, pod_ip=pod_ip, within=STAGE_TIMEOUT)
    except Exception as error:  # noqa: BLE001 - an extra: a role or a pooler may not allow it
        return StageWarning(f"not known ({describe(error)})")
    words = f"{stats.connections} of {stats.max_connections} are taken"
    return StageWarning(words) if stats.connections > NEARLY_FULL * stats.max_connections else words


async def _write(engine: AsyncEngine) -> str:
    import socket

    from exporter.database import sessions

    slot = sessions.heartbeat_slot(socket.gethostname())
    await sessions.write_heartbeat(sessions.session_factory(engine), slot=slot, limit=STAGE_TIMEOUT)
    return "one row committed"
