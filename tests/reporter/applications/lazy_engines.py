"""Engines of one database, made when first needed, in the order of the arguments."""

import sys
import time
from typing import Any

from sqlalchemy import create_engine, pool, text

address = sys.argv[1]


def archive() -> Any:
    """Make one engine: the line that makes it tells it from the others."""
    return create_engine(address, poolclass=pool.QueuePool)


def billing() -> Any:
    """Make another one."""
    return create_engine(address, poolclass=pool.QueuePool)


def catalogue() -> Any:
    """Make one with a name of its own."""
    return create_engine(address, poolclass=pool.QueuePool, pool_logging_name="catalogue")


MAKERS = {"archive": (archive, 1), "billing": (billing, 2), "catalogue": (catalogue, 3)}

if __name__ == "__main__":
    engines = {}
    for name in sys.argv[2:]:
        engines[name] = MAKERS[name][0]()
        with engines[name].connect() as connection:
            connection.execute(text("select 1"))
        time.sleep(0.2)
    held = [engines[name].connect() for name in engines for _ in range(MAKERS[name][1])]  # shows which one reports
    time.sleep(0.5)
