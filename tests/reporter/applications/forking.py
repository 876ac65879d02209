"""A process that uses its pool and then has children: by a bare fork, and by multiprocessing's fork and spawn."""

import gc
import json
import multiprocessing
import os
import sys
from typing import Any

from sqlalchemy import create_engine, text

SELECT = text("select 1")
engine = create_engine(sys.argv[1], pool_size=2)


def work(times: int) -> None:
    """Check out this many times."""
    for _ in range(times):
        with engine.connect() as connection:
            connection.execute(SELECT)


def pass_by() -> None:
    """Use an engine once and drop it: its name becomes free, and its counts are kept."""
    passing = create_engine(f"{sys.argv[1]}&dbhealth_pool=passing")
    with passing.connect() as connection:
        connection.execute(SELECT)
    passing.dispose()


def child(times: int) -> None:
    """Replace the pool, as SQLAlchemy's documentation asks of forking applications, and do some work."""
    engine.pool = engine.pool.recreate()
    work(times)
    pass_by()


if __name__ == "__main__":
    work(3)
    pass_by()
    gc.collect()
    if os.fork() == 0:
        child(2)
        sys.exit(0)
    os.wait()
    context: Any
    for method, times in (("fork", 4), ("spawn", 8)):
        context = multiprocessing.get_context(method)
        process = context.Process(target=child, args=(times,))
        process.start()
        process.join()
        assert process.exitcode == 0
    print(json.dumps({"checkouts": 3 + 2 + 4 + 8}), flush=True)
    sys.stdin.readline()
