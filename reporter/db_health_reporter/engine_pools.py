"""The pools of one engine: the first and those that replace it, instrumented and counted under one name."""

from __future__ import annotations

import logging
import weakref
from time import perf_counter
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.pool import Pool, StaticPool

from db_health_reporter.instrumentation import PoolInstrumentation, instrumentation_of
from db_health_reporter.pool_hooks import instrument
from db_health_reporter.totals import observe

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from db_health_reporter.call_site import FileClassifier
    from db_health_reporter.instrumentation import PoolOwner
    from db_health_reporter.totals import Totals

logger = logging.getLogger("db_health_reporter")


class EnginePools:
    """Instruments an engine's pool, and each pool by which `dispose` or the application replaces it."""

    def __init__(self, engine: Engine, totals: Totals, classifier: FileClassifier, owner: PoolOwner) -> None:
        """Start without instrumentation; instrumented pools call `owner`."""
        self.totals = totals
        self._classifier, self._owner = classifier, owner
        self._asynchronous = bool(getattr(engine.dialect, "is_async", False))
        self._engine = weakref.ref(engine)
        self._pool: weakref.ref[Pool] = weakref.ref(engine.pool)

    @property
    def present(self) -> Pool | None:
        """The engine's present pool; None once engine and pool have been collected."""
        engine = self._engine()
        return self._pool() if engine is None else engine.pool

    @property
    def instrumentation(self) -> PoolInstrumentation | None:
        """The present pool's instrumentation."""
        pool = self.present
        return None if pool is None else instrumentation_of(pool)

    def instrument(self, pool: Pool) -> None:
        """Instrument a pool of this engine.

        Raises:
            TypeError: its class refuses to have a subclass; the pool is unchanged.
        """
        is_shared = isinstance(pool, StaticPool)
        instrumentation = PoolInstrumentation(self.totals, self._classifier, self._owner, is_shared=is_shared)
        instance: Any = pool
        is_new = instrumentation_of(pool) is None
        instrument(pool, instrumentation, asynchronous=self._asynchronous)  # first, because it may fail
        if is_new:
            instance._invoke_creator = self._timed(instance._invoke_creator)
        for name in ("invalidate", "soft_invalidate"):  # a recreated pool may have inherited them
            if not event.contains(pool, name, self._count_invalidation):
                event.listen(pool, name, self._count_invalidation)
        self._pool = weakref.ref(pool)

    def follow(self, pool: Pool, name: str) -> None:
        """Instrument the pool that replaces the present one; never raises: `dispose` must not fail."""
        try:
            self.instrument(pool)
        except Exception as error:  # noqa: BLE001 - a custom pool class may raise anything
            logger.warning("the pool %s is not reported any more (%s)", name, error)

    def declare_long_lived(self, record: Any) -> bool:
        """Note that a connection is held on purpose; False if it is no checkout of the present pool."""
        instrumentation = self.instrumentation
        checkout = None if instrumentation is None else instrumentation.checkouts.get(record)
        if instrumentation is None or checkout is None:
            return False
        instrumentation.long_lived[record] = checkout
        return True

    def _timed(self, create: Any) -> Any:
        totals = self.totals

        def timed(record: Any) -> Any:
            began = perf_counter()
            connection = create(record)
            observe(totals.create, perf_counter() - began)
            return connection

        return timed

    def _count_invalidation(self, *_: object) -> None:
        self.totals.invalidations += 1
