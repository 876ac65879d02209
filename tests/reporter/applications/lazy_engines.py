"""Engines of one database that are made when they are first needed, in the order of the arguments."""

import sys
import time
from typing import Any

from sqlalchemy import create_engine, pool, text

address = sys.argv[1]


def archive() -> Any:
    """One of them: told apart by the line that makes it."""
    return create_engine(address, poolclass=pool.QueuePool)


def billing() -> Any:
    """The next."""
    return create_engine(address, poolclass=pool.QueuePool)


def catalogue() -> Any:
    """One with a name of its own."""
    return create_engine(address, poolclass=pool.QueuePool, pool_logging_name="catalogue")


MAKERS = {"archive": (archive, 1), "billing": (billing, 2), "catalogue": (catalogue, 3)}

if __name__ == "__main__":
    engines = {}
    for name in sys.argv[2:]:
        engines[name] = MAKERS[name][0]()
        with engines[name].connect() as connection:
            connection.execute(text("select 1"))
        time.sleep(0.2)
    held = [engines[name].connect() for name in engines for _ in range(MAKERS[name][1])]  # tells which one reports
    time.sleep(0.5)
