"""A WSGI application without any code for the reporter: each path does one thing to its pool."""

import os
import time
from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import create_engine, text

SELECT = text("select 1")
engine: Any = create_engine(os.environ["DATABASE_URL"], pool_size=2, max_overflow=1)
held: list[Any] = []


def leak() -> None:
    """Take a connection and never give it back."""
    held.append(engine.connect())


def handle(path: str) -> str:
    """Do the action that the path names."""
    if path == "/alive":
        return "alive"
    if path == "/leak":
        leak()
    elif path == "/rest":
        time.sleep(4)
    elif path == "/hold":
        connection = engine.connect()
        time.sleep(4)
        connection.close()
    elif path == "/status":
        return str(engine.pool.status())
    else:
        with engine.connect() as connection:
            connection.execute(SELECT)
        time.sleep(0.05)  # so that several processes get requests
    return str(os.getpid())


def application(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Answer with the number of the process."""
    answer = handle(environ["PATH_INFO"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [answer.encode()]
