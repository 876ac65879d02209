"""Everything that needs the ORM: the declarative base, sessions, `get_db`, `init_db` and the heartbeat row."""

from __future__ import annotations

import contextlib
import zlib
from datetime import datetime  # noqa: TC003 - the ORM reads annotations
from typing import TYPE_CHECKING

from sqlalchemy import DateTime, SmallInteger, func, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from exporter.database.sqlalchemy_core import AsyncEngine

# Pods come and go: the table must not grow without bound, and pods must not all wait for the lock of one row.
HEARTBEAT_SLOTS = 1024
# Pods of one Deployment start together; by an advisory lock they create the tables one after the other.
INIT_LOCK = zlib.crc32(b"db-health-exporter init-db")


class Base(DeclarativeBase):
    """The declarative base of every table that `init-db` creates."""


class Heartbeat(Base):
    """One row for each slot; a pod writes to the slot that its host name hashes to."""

    __tablename__ = "dbhealth_heartbeat"

    slot: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    beat_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


def session_factory(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    """Make sessions whose objects stay usable after a commit and which flush only on request."""
    return async_sessionmaker(engine, expire_on_commit=False, autoflush=False)


@contextlib.asynccontextmanager
async def get_db(sessions: async_sessionmaker[AsyncSession]) -> AsyncIterator[AsyncSession]:
    """Yield a session; commit after the block, roll back on any error in it, always close."""
    async with sessions() as session:
        try:
            yield session
            await session.commit()
        except BaseException:
            await session.rollback()
            raise


async def init_db(engine: AsyncEngine, *, extensions: Sequence[str] = ()) -> None:
    """Create the extensions, then the missing tables, in one transaction.

    Raises:
        sqlalchemy.exc.DBAPIError: an extension is not available, or the role may not create it.
    """
    async with engine.begin() as connection:
        await connection.execute(text(f"SELECT pg_advisory_xact_lock({INIT_LOCK})"))
        for extension in extensions:
            name = engine.dialect.identifier_preparer.quote(extension)
            await connection.execute(text(f"CREATE EXTENSION IF NOT EXISTS {name}"))
        await connection.run_sync(Base.metadata.create_all)


def heartbeat_slot(host: str) -> int:
    """Return the slot of a host name, the same in every process."""
    return zlib.crc32(host.encode()) % HEARTBEAT_SLOTS


async def write_heartbeat(sessions: async_sessionmaker[AsyncSession], *, slot: int, limit: float) -> None:
    """Commit one heartbeat row.

    Args:
        sessions: of the engine that opens a new connection each time.
        slot: the row to write, as `heartbeat_slot` returns it.
        limit: seconds of the server's own `statement_timeout` for each statement: when this side closes the
            connection, a backend that waits for a lock or for a synchronous standby must not stay behind.

    Raises:
        sqlalchemy.exc.DBAPIError: the server refused the row, or the table is missing.
    """
    async with get_db(sessions) as session:
        await session.execute(text(f"SET LOCAL statement_timeout = {max(1, int(limit * 1000))}"))
        row = insert(Heartbeat).values(slot=slot, beat_at=func.clock_timestamp())
        await session.execute(
            row.on_conflict_do_update(index_elements=[Heartbeat.slot], set_={"beat_at": row.excluded.beat_at}),
        )
