"""State and totals of the exporter's own pool, in the same form as those of the application's pools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.pool import QueuePool

from exporter.model.pool import PoolState, PoolTotals

if TYPE_CHECKING:
    from exporter.database.sqlalchemy_core import AsyncEngine

POOL = "sidecar"
WORKER = "0"


class SidecarPool:
    """Counts the events of an engine's pool, and reads its state on request."""

    def __init__(self, engine: AsyncEngine, *, database: str) -> None:
        """Listen to the pool's events; an engine without a pool (`ENVIRONMENT=test`) has neither state nor totals."""
        self.timeouts = 0
        self._engine = engine
        self._database = database
        self._connects = 0
        self._invalidations = 0
        if self._pool() is not None:
            event.listen(engine.sync_engine, "connect", self._on_connect)
            event.listen(engine.sync_engine, "invalidate", self._on_invalidate)

    def state(self) -> PoolState | None:
        """Return the pool's state at this moment; None for an engine without a pool."""
        pool = self._pool()
        if pool is None:
            return None
        return PoolState(
            database=self._database,
            pool=POOL,
            worker=WORKER,
            size=pool.size(),
            checked_out=pool.checkedout(),
            checked_in=pool.checkedin(),
            overflow=max(0, pool.overflow()),  # it starts at minus the pool's size
            max_connections=pool.size() + pool._max_overflow,  # noqa: SLF001 - no public name for it
        )

    def totals(self) -> PoolTotals | None:
        """Return what has been counted since the start; None for an engine without a pool."""
        if self._pool() is None:
            return None
        return PoolTotals(
            database=self._database,
            pool=POOL,
            connects=self._connects,
            timeouts=self.timeouts,
            invalidations=self._invalidations,
            wait=None,
            use=None,
            create=None,
        )

    def _pool(self) -> QueuePool | None:
        pool = self._engine.sync_engine.pool
        return pool if isinstance(pool, QueuePool) else None

    def _on_connect(self, *_: Any) -> None:
        self._connects += 1

    def _on_invalidate(self, *_: Any) -> None:
        self._invalidations += 1
