"""Connections taken by an installed package, and by a thread whose number another thread gets."""

import sys
import sysconfig
import threading
from typing import Any
from unittest import mock

from sqlalchemy import create_engine

held: list[Any] = []


def read_by_a_package(engine: Any) -> None:
    """Let an installed package connect; its folder is made by the test."""
    sys.path.append(sys.argv[2])
    held.append(__import__("package").read(engine))


def take(engine: Any) -> None:
    """Take a connection."""
    held.append(engine.connect())


def take_in_a_thread(engine: Any) -> None:
    """Take a connection in a thread that ends, and start other threads until one has its number."""
    first = threading.Thread(target=take, args=(engine,))
    first.start()
    first.join()
    for _ in range(1000):
        other = threading.Thread(target=sys.stdin.readline)
        other.start()
        if other.ident == first.ident:
            return
    raise SystemExit("no number was used again")


if __name__ == "__main__":
    with mock.patch.object(sysconfig, "get_path", return_value=sys.argv[2]):
        created = create_engine(sys.argv[1])
    {"package": read_by_a_package, "thread": take_in_a_thread}[sys.argv[3]](created)
    print("taken", flush=True)
    sys.stdin.readline()
