"""`check --explain`: a line with its time for each stage of a connection; the first that fails says what to try."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, TypeVar

from exporter.database import stages
from exporter.database.attempt import ConnectAttempt, Phase, track
from exporter.database.connector import TLS_REQUIRED
from exporter.database.engine import PoolOptions, abort_connection, close_db, make_engine
from exporter.database.errors import classify, classify_timeout, describe, find_reason
from exporter.database.server_stats import read_server_stats
from exporter.database.stages import StageWarning
from exporter.diagnosis.advice import advise
from exporter.diagnosis.verdict import Facts, diagnose
from exporter.dsn import DsnError
from exporter.model.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from exporter.database.sqlalchemy_core import AsyncConnection, AsyncEngine
    from exporter.dsn import Target
    from exporter.settings.config import Database, Values

T = TypeVar("T")

LIMIT = 5.0  # seconds for each stage: longer than a probe waits, to tell slow from dead
TEAR_DOWN = 1.0  # seconds for what a stage leaves behind
NEARLY_FULL = 0.85
STAGES = ("name resolution", "TCP connect", "TLS", "authentication", "query", "role", "connections", "write")


class StageError(Exception):
    """A stage failed, and its line has said so."""


class Story:
    """What is told of one database, line by line as it happens."""

    def __init__(self, *, tls_required: bool) -> None:
        """Start with nothing told."""
        self.seconds = 0.0
        self._tls_required = tls_required
        self._told: list[str] = []

    async def tell(
        self,
        stage: str,
        work: Coroutine[object, object, T],
        words: Callable[[T], str] | None = None,
        *,
        phase: Phase,
    ) -> T:
        """Run one stage within the limit and print its line.

        Raises:
            StageError: it failed; why, and what to try, is printed.
        """
        self._told.append(stage)
        attempt = ConnectAttempt(phase, tls_required=self._tls_required)
        began = time.monotonic()
        try:
            result = await _within(work, attempt)
        except Exception as error:
            self._fail(stage, self._took(began), error, attempt)
            raise StageError from error
        said = words(result) if words else result
        _line("!" if isinstance(said, StageWarning) else "+", stage, self._took(began), f"{said}")
        return result

    def skip(self, stage: str, why: str) -> None:
        """Print that a stage was not asked for."""
        self._told.append(stage)
        _line(" ", stage, None, why)

    def leave(self) -> None:
        """Print what was not reached."""
        for stage in STAGES:
            if stage not in self._told:
                _line(" ", stage, None, "not reached")

    def _took(self, began: float) -> float:
        seconds = time.monotonic() - began
        self.seconds += seconds
        return seconds

    def _fail(self, stage: str, seconds: float, error: Exception, attempt: ConnectAttempt) -> None:
        late = isinstance(error, TimeoutError) and error.errno is None
        found = classify_timeout(attempt) if late else classify(error, attempt)
        write = stage == "write"
        facts = Facts(pooled=Outcome.SUCCESS, write=found) if write else Facts(pooled=found, fresh=found)
        advice = advise(diagnose(facts), found, find_reason(error, attempt), describe(error))
        _line("-", stage, seconds, f"no answer within {LIMIT:g} s" if late else describe(error))
        _say(f"      why: {advice.sentence} ({found})")
        _say(f"      try: {advice.next_step}")


async def explain(values: Values) -> int:
    """Explain one database after the other; 0 if all that are required pass, else 1."""
    passed = True
    for database in values.databases:
        _say(f"{database.name}")
        if not await _explain(values, database) and database.required:
            passed = False
    return int(not passed)


async def _explain(values: Values, database: Database) -> bool:
    try:
        target = database.source.try_out()
    except DsnError as error:
        _line("-", "settings", None, str(error))
        return False
    for note in database.source.notes():
        _line("!", "settings", None, note)
    story = Story(tls_required=target.sslmode in TLS_REQUIRED)
    engine = make_engine(database.source, PoolOptions(), pooled=False)
    try:
        await _reach(story, target)
        await _use(story, values, database, engine)
    except StageError:
        story.leave()
        return False
    finally:
        await close_db(engine)
    limit = values.probe_timeout
    slow = f"; a probe is given {limit:g} s (PROBE_TIMEOUT)" if story.seconds > limit else ""
    _say(f"  all stages passed in {story.seconds * 1000:.1f} ms{slow}")
    return True


async def _reach(story: Story, target: Target) -> None:
    """Tell how far the network goes."""
    await story.tell("name resolution", stages.resolve(target), phase=Phase.RESOLVING)
    stream, host, _ = await story.tell(
        "TCP connect",
        stages.connect(target, within=LIMIT),
        lambda reached: reached[2],
        phase=Phase.CONNECTING,
    )
    try:
        await story.tell("TLS", stages.start_tls(stream, host, target), phase=Phase.CONNECTING)
    finally:
        stages.abort(stream)


async def _use(story: Story, values: Values, database: Database, engine: AsyncEngine) -> None:
    """Tell how the server receives a connection of the driver's own, and what it can do with it."""
    target = database.source.target()
    words = f"{target.user} may connect to {target.database}, by a whole new connection"
    connection = await story.tell("authentication", _connect(engine), lambda _: words, phase=Phase.CONNECTING)
    try:
        await story.tell("query", stages.query(connection), phase=Phase.QUERYING)
        await story.tell("role", stages.role(connection, expect=database.expect), phase=Phase.QUERYING)
        await story.tell("connections", _connections(connection, values.pod_ip), phase=Phase.QUERYING)
    except StageError:
        await abort_connection(connection)
        raise
    await connection.close()
    if values.write_probe_interval:
        await story.tell("write", _write(engine), phase=Phase.QUERYING)
    else:
        story.skip("write", "not asked for (WRITE_PROBE_INTERVAL)")


async def _connect(engine: AsyncEngine) -> AsyncConnection:
    return await engine.connect()


async def _connections(connection: AsyncConnection, pod_ip: str | None) -> str:
    try:
        stats = await read_server_stats(connection, pod_ip=pod_ip, within=LIMIT)
    except Exception as error:  # noqa: BLE001 - an extra: a role or a pooler may not allow it
        return StageWarning(f"not known ({describe(error)})")
    words = f"{stats.connections} of {stats.max_connections} are taken"
    return StageWarning(words) if stats.connections > NEARLY_FULL * stats.max_connections else words


async def _write(engine: AsyncEngine) -> str:
    import socket

    from exporter.database import sessions

    slot = sessions.heartbeat_slot(socket.gethostname())
    await sessions.write_heartbeat(sessions.session_factory(engine), slot=slot, limit=LIMIT)
    return "one row committed"


async def _within(work: Coroutine[object, object, T], attempt: ConnectAttempt) -> T:
    """Wait for a stage; on the way out drop its connection first, for a frozen server answers no farewell."""
    track(attempt)
    task = asyncio.create_task(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=LIMIT)
    finally:
        if not task.done():
            with attempt.aborting():
                task.cancel()
                await asyncio.wait({task}, timeout=TEAR_DOWN)
    if not done:
        raise TimeoutError
    return task.result()


def _line(sign: str, stage: str, seconds: float | None, words: str) -> None:
    took = "" if seconds is None else f"{seconds * 1000:.1f} ms"
    _say(f"  [{sign}] {stage:<16}{took:>10}  {words}".rstrip())


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a command's answer
