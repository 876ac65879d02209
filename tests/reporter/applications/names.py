"""Several engines in one process, named by the URL, by the environment or by a call, dropped and made again."""

import gc
import sys
import time
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

SELECT = text("select 1")


def use(engine: Any) -> None:
    """Check out once."""
    with engine.connect() as connection:
        connection.execute(SELECT)


def main(url: str, plain: str) -> None:
    """Make, use and delete engines."""
    first, second = create_engine(url), create_engine(url)
    use(first)
    use(second)
    time.sleep(0.3)
    del second
    gc.collect()
    time.sleep(0.3)
    third = create_engine(url)
    use(third)
    use(third)

    reporter: Any = __import__("db_health_reporter")
    called = create_engine(plain)
    reporter.report(called, pool="called")
    use(called)
    reporter.report(first, pool="renamed")
    use(first)
    fourth = create_engine(url)
    use(fourth)
    time.sleep(0.3)
    del called
    gc.collect()
    reporter.report(fourth, pool="called")
    use(fourth)
    reporter.report(create_async_engine(plain.replace("psycopg2", "asyncpg")))
    time.sleep(0.3)


if __name__ == "__main__":
    main(*sys.argv[1:])
