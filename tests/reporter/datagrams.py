"""Reports as an application would send them, made by hand."""

import json
from typing import Any

NOTHING = [0] * 12


def content(**changes: Any) -> dict[str, Any]:
    """A worker with a pool of 5 + 10 connections, three of them in use."""
    return {
        "v": 1,
        "pid": 7,
        "ppid": 1,
        "start": 1000.5,
        "interval": 2.0,
        "pool": "orders",
        "database": "app",
        "size": 5,
        "max": 15,
        "checked_out": 3,
        "checked_in": 2,
        "overflow": 0,
        "pending": 0,
        "oldest": {"age": 0.5, "id": 1, "leak": False},
        "since_checkin": 0.1,
        "connects": 5,
        "timeouts": 0,
        "invalidations": 0,
        "wait": {"counts": [9, *NOTHING[1:]], "sum": 0.009},
        "use": {"counts": NOTHING, "sum": 0.0},
        "create": {"counts": [0, 5, *NOTHING[2:]], "sum": 0.02},
        **changes,
    }


def datagram(**changes: Any) -> bytes:
    """The same, encoded as a datagram."""
    return json.dumps(content(**changes)).encode()


def full(**changes: Any) -> bytes:
    """A pool at its maximum with requests waiting."""
    return datagram(**{"size": 5, "max": 5, "checked_out": 5, "checked_in": 0, "pending": 2, **changes})
