"""Application processes that report their pools, as real datagrams: every family of `/metrics` gets its series."""

from __future__ import annotations

import json
import socket
import threading
import time

WORKERS = 4
POOLS = ("orders", "billing")
EVERY = 2.0  # seconds: the reporter's own default


class Reports(threading.Thread):
    """Sends one datagram for each pool of each worker every two seconds, as four busy processes would."""

    def __init__(self, port: int) -> None:
        """Start at once; the first reports are sent when this returns."""
        super().__init__(name="reports", daemon=True)
        self._stop_it = threading.Event()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", port))
        self._rounds = 0
        self._began = time.time() - 60
        self._send()
        self.start()

    def run(self) -> None:
        """Send until closed."""
        while not self._stop_it.wait(EVERY):
            self._send()

    def close(self) -> None:
        """End."""
        self._stop_it.set()
        self.join()
        self._socket.close()

    def _send(self) -> None:
        self._rounds += 1
        for worker in range(WORKERS):
            for pool in POOLS:
                self._socket.send(json.dumps(self._report(worker, pool)).encode())

    def _report(self, worker: int, pool: str) -> dict[str, object]:
        done = self._rounds * 100
        times = {"counts": [done, done, done // 2, 3, 2, 1, 0, 0, 0, 0, 0, 0], "sum": done * 0.004}
        return {
            "v": 1,
            "pid": 1000 + worker,
            "start": self._began,
            "interval": EVERY,
            "pool": pool,
            "database": "app",
            "size": 5,
            "max": 15,
            "checked_out": (self._rounds + worker) % 6,
            "checked_in": 5 - (self._rounds + worker) % 6,
            "overflow": 0,
            "pending": 0,
            "oldest": {"age": 45.5, "id": 7, "where": "shop/orders.py:42 place", "leak": True},
            "since_checkin": 0.01,
            "lag": 0.002,
            "connects": 5,
            "timeouts": 0,
            "invalidations": 1,
            "wait": times,
            "use": times,
            "create": times,
        }
