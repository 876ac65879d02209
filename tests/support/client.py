"""One HTTP request, timed, less the time in which the machine itself stood still."""

import http.client
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.support import processes


@dataclass(frozen=True)
class Answer:
    """A response, and how long it took."""

    status: int
    text: str
    headers: Mapping[str, str]
    seconds: float
    began: float

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)


class StallDetector(threading.Thread):
    """Detects that the whole machine stood still: a thread that sleeps briefly and notes late wake-ups."""

    STEP = 0.02

    def __init__(self) -> None:
        """Start at once."""
        super().__init__(name="stall_detector", daemon=True)
        self._stop_it = threading.Event()
        self._late: list[tuple[float, float]] = []
        self.start()

    def run(self) -> None:
        """Note every wake-up that came late."""
        before = time.monotonic()
        while not self._stop_it.wait(self.STEP):
            now = time.monotonic()
            if now - before > 2 * self.STEP:
                self._late.append((now, now - before - self.STEP))
            before = now

    def during(self, began: float, ended: float) -> float:
        """Seconds lost within the interval."""
        return sum(lost for at, lost in self._late if began <= at <= ended + self.STEP)

    def close(self) -> None:
        """End the thread."""
        self._stop_it.set()
        self.join()


def get(
    host: str,
    port: int,
    path: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    timeout: float = 10,
    pid: int | None = None,
    stall_detector: StallDetector | None = None,
) -> Answer:
    """Send one request over a connection of its own.

    The time counts from before the connection to after the last byte, less what the server `pid` waited for
    a processor and what this process stood still.
    """
    waited = processes.waited_for_cpu(pid) if pid else 0.0
    began = time.monotonic()
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request(method, path, headers=dict(headers or {}))
        response = connection.getresponse()
        text = response.read().decode()
    finally:
        connection.close()
    ended = time.monotonic()
    lost = (processes.waited_for_cpu(pid) - waited) if pid else 0.0
    if stall_detector:
        lost = max(lost, stall_detector.during(began, ended))
    return Answer(
        status=response.status,
        text=text,
        headers={name.lower(): value for name, value in response.getheaders()},
        seconds=max(0.0, ended - began - lost),
        began=began,
    )
