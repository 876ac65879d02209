"""Reads the exporter and the application over their own endpoints, as Prometheus, a kubelet and people would."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
import time
from collections import deque
from typing import TYPE_CHECKING

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from exporter.demo.status import HISTORY, Pool, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

EVERY = 0.4  # seconds
SLOWEST = aiohttp.ClientTimeout(total=2.0)
ENDPOINTS = ("/healthz", "/readyz", "/app/livez")
_VERDICT = re.compile(r"verdict \S+: (?P<verdict>\w+)\. (?P<sentence>.*?\.) (?P<next>.*)")

Samples = dict[str, list[tuple[dict[str, str], float]]]


class Watcher:
    """Keeps the latest status and wakes who waits for a change of it."""

    def __init__(self, exporter: str, application: str, *, faults: Callable[[], tuple[str, ...]]) -> None:
        """Read from these two addresses."""
        self.status = Status()
        self.changed = asyncio.Condition()
        self._exporter, self._application, self._faults = exporter, application, faults
        self._latencies: deque[float] = deque(maxlen=HISTORY)
        self._probed_at = 0.0
        self._counted: deque[tuple[float, int, int]] = deque(maxlen=6)
        self._verdict_at = time.monotonic()

    async def run(self) -> None:
        """Look again and again."""
        async with aiohttp.ClientSession(timeout=SLOWEST) as session:
            while True:
                self.status = await self._look(session)
                async with self.changed:
                    self.changed.notify_all()
                await asyncio.sleep(EVERY)

    async def wait_for(self, condition: Callable[[Status], bool], *, within: float) -> bool:
        """Return whether the condition came to hold in time."""
        try:
            async with asyncio.timeout(within), self.changed:
                await self.changed.wait_for(lambda: condition(self.status))
        except TimeoutError:
            return False
        return True

    def forget_application(self) -> None:
        """Begin anew with its counts: it is another process now."""
        self._counted.clear()
        self.status = dataclasses.replace(self.status, answered=None)

    async def _look(self, session: aiohttp.ClientSession) -> Status:
        texts = await asyncio.gather(
            _get(session, f"{self._exporter}/metrics"),
            *(_get(session, f"{self._exporter}{path}", accept="application/json") for path in ENDPOINTS),
            _get(session, f"{self._application}/state"),
        )
        (_, metrics), *answers, (_, state) = texts
        samples = _samples(metrics)
        health = json.loads(answers[0][1] or "{}")
        notes = json.loads(answers[-1][1] or "{}").get("notes", [])
        found = next(filter(None, map(_VERDICT.match, notes)), None)
        verdict = found["verdict"] if found else "unknown"
        if verdict != self.status.verdict:
            self._verdict_at = time.monotonic()
        answered, failed, error = self._rates(json.loads(state or "{}"))
        self._remember_latency(samples)
        return Status(
            verdict=verdict,
            since=time.monotonic() - self._verdict_at,
            sentence=found["sentence"] if found else "The exporter does not answer.",
            next_step=found["next"] if found else "",
            pool=_pool(samples),
            latencies=tuple(self._latencies),
            probes=_probes(health),
            endpoints={path: status for path, (status, _) in zip(ENDPOINTS, answers, strict=True)},
            answered=answered,
            failed=failed,
            error=error,
            faults=self._faults(),
        )

    def _rates(self, state: Mapping[str, int | str]) -> tuple[float | None, float, str]:
        """Return requests answered and failed a second, over the last looks, and the last error."""
        if not state:
            self._counted.clear()
            return None, 0.0, ""
        self._counted.append((time.monotonic(), int(state["answered"]), int(state["failed"])))
        (then, answered, failed), (now, *newest) = self._counted[0], self._counted[-1]
        seconds = max(now - then, EVERY)
        rates = [max(0, new - old) / seconds for new, old in zip(newest, (answered, failed), strict=True)]
        return rates[0], rates[1], str(state["error"])

    def _remember_latency(self, samples: Samples) -> None:
        at = _value(samples, "dbhealth_probe_last_timestamp_seconds", path="pooled")
        latency = _value(samples, "dbhealth_probe_latency_seconds", path="pooled")
        if at is not None and latency is not None and at != self._probed_at:
            self._probed_at = at
            self._latencies.append(latency)


async def _get(session: aiohttp.ClientSession, url: str, *, accept: str = "text/plain") -> tuple[int, str]:
    """Return status and text; 0 and nothing where no answer comes."""
    try:
        async with session.get(url, headers={"Accept": accept}) as answer:
            return answer.status, await answer.text()
    except (aiohttp.ClientError, TimeoutError):
        return 0, ""


def _samples(text: str) -> Samples:
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def _value(samples: Samples, name: str, **labels: str) -> float | None:
    values = [value for have, value in samples.get(name, []) if labels.items() <= have.items()]
    return values[0] if values else None


def _pool(samples: Samples) -> Pool:
    """Add up the workers of the application's pool: the sidecar's own pool is another matter."""

    def values(name: str) -> list[float]:
        return [value for labels, value in samples.get(name, []) if labels.get("pool") == "shop"]

    places = [each for each, _ in samples.get("dbhealth_pool_oldest_checkout_info", []) if each["pool"] == "shop"]
    return Pool(
        used=int(sum(values("dbhealth_pool_checked_out_connections"))),
        most=int(sum(values("dbhealth_pool_max_connections"))),
        pending=int(sum(values("dbhealth_pool_pending_requests"))),
        oldest=max(values("dbhealth_pool_oldest_checkout_seconds"), default=0.0),
        location=places[0]["location"] if places else "",
        silent=any(values("dbhealth_app_worker_silent")),
    )


def _probes(health: Mapping[str, Mapping[str, list[Mapping[str, object]]]]) -> dict[str, str]:
    """Say of each path how it fared: `success 0.9 ms`."""
    found = {}
    for name, (check, *_) in health.get("checks", {}).items():
        outcome = str(check["output"]).partition(":")[0]
        took = check.get("observedValue")
        path = name.rpartition("/")[2]
        found[path] = f"{outcome} {took:.1f} ms" if isinstance(took, float) else outcome
    return found
