"""Reads the exporter and the application over HTTP, as a kubelet and Prometheus do, and keeps a status."""

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

INTERVAL, TIMEOUT = 0.4, aiohttp.ClientTimeout(total=2.0)  # seconds
ENDPOINTS = ("/healthz", "/readyz", "/app/livez")
SILENT = {"verdict": "unknown", "advice": "The exporter does not answer.", "next_step": ""}
POOL = ("checked_out_connections", "max_connections", "pending_requests", "oldest_checkout_seconds")


@dataclass(frozen=True, slots=True)
class Status:
    """One moment, from the exporter's JSON, its metrics and the application's metrics; times in seconds."""

    verdict: str = "unknown"
    since: float = 0.0
    advice: str = ""  # the sentence and the next step
    location: str = ""  # where the application took the oldest leaked connection
    used: int = 0  # connections in use, of the application's pool
    maximum: int = 0  # 0 until the pool is reported
    pending: int = 0
    oldest: float = 0.0
    probes: dict[str, str] = field(default_factory=dict)  # by path: its outcome and latency in words
    endpoints: dict[str, int] = field(default_factory=dict)  # by path: the HTTP status, 0 where none came
    requests: dict[str, float] = field(default_factory=dict)  # of the application: by result, the number a second
    faults: str = ""


class Watcher:
    """Keeps the latest status and wakes tasks that wait for a change."""

    def __init__(self, exporter: str, application: str, faults: Callable[[], str]) -> None:
        self.status, self._faults = Status(), faults
        self._changed = asyncio.Condition()
        self._urls = [f"{application}/metrics", *(f"{exporter}{path}" for path in ("/metrics", *ENDPOINTS))]
        self._counts: deque[tuple[float, dict[str, float]]] = deque(maxlen=6)
        self._verdict_at = time.monotonic()

    async def run(self, show: Callable[[Status], None]) -> None:
        """Read again and again, and show each status."""
        async with aiohttp.ClientSession(timeout=TIMEOUT, headers={"Accept": "application/json, */*;q=0.5"}) as session:
            while True:
                self.status = await self._read(session)
                show(self.status)
                async with self._changed:
                    self._changed.notify_all()
                await asyncio.sleep(INTERVAL)

    async def wait_for(self, condition: Callable[[Status], bool], within: float) -> bool:
        """Return whether the condition became true within this many seconds."""
        try:
            async with asyncio.timeout(within), self._changed:
                return await self._changed.wait_for(lambda: condition(self.status))
        except TimeoutError:
            return False

    async def _read(self, session: aiohttp.ClientSession) -> Status:
        (_, counts), (_, metrics), *answers = await asyncio.gather(*(_get(session, url) for url in self._urls))
        health = json.loads(answers[0][1] or '{"databases": {}, "checks": {}}')
        checks = {name.partition("/")[2]: check for name, (check, *_) in health["checks"].items()}
        diagnosis = health["databases"].get("shop", SILENT)
        if diagnosis["verdict"] != self.status.verdict:
            self._verdict_at = time.monotonic()
        used, maximum, pending, oldest = (_sum(metrics, f"dbhealth_pool_{name}") for name in POOL)
        return Status(
            diagnosis["verdict"],
            time.monotonic() - self._verdict_at,
            f"{diagnosis['advice']} {diagnosis['next_step']}",
            diagnosis.get("oldest_checkout", {}).get("location", ""),
            *(int(used), int(maximum), int(pending), oldest),
            {path: _describe(**check) for path, check in checks.items()},
            {path: status for path, (status, _) in zip(ENDPOINTS, answers, strict=True)},
            self._rates(_samples(counts, "shop_requests_total")),
            self._faults(),
        )

    def _rates(self, samples: list[Any]) -> dict[str, float]:
        counts = {each.labels["outcome"]: each.value for each in samples}
        self._counts.append((time.monotonic(), counts))
        then, before = self._counts[0]
        seconds = max(time.monotonic() - then, INTERVAL)
        return {outcome: max(0.0, count - before.get(outcome, 0.0)) / seconds for outcome, count in counts.items()}


async def _get(session: aiohttp.ClientSession, url: str) -> tuple[int, str]:
    """Return status and text; 0 and an empty text without an answer."""
    try:
        async with session.get(url) as answer:
            return answer.status, await answer.text()
    except (aiohttp.ClientError, TimeoutError):
        return 0, ""


def _samples(text: str, name: str) -> list[Any]:
    return [each for family in text_string_to_metric_families(text) for each in family.samples if each.name == name]


def _sum(text: str, name: str) -> float:
    """Add up the workers of the application's pool, without the exporter's own pool."""
    return float(sum(each.value for each in _samples(text, name) if each.labels["pool"] == "shop"))


def _describe(output: str, observedValue: float = 0.0, **_: str) -> str:  # noqa: N803 - the JSON's name
    """Describe a probe's result: `success 0.9 ms`."""
    return f"{output.partition(':')[0]} {observedValue:.1f} ms"
