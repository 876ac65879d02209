"""What the demo shows at one moment, and how it travels from the process that knows to the one that shows."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

HISTORY = 48  # probes
LOG = 40  # lines


@dataclass(frozen=True, slots=True)
class Pool:
    """The application's pool, as the exporter's metrics tell it; zero of zero until it is reported."""

    used: int = 0
    most: int = 0
    pending: int = 0
    oldest: float = 0.0
    location: str = ""
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """One moment; seconds are durations, latencies are those of the pooled probe, oldest first."""

    verdict: str = "unknown"
    since: float = 0.0
    sentence: str = ""
    next_step: str = ""
    pool: Pool = Pool()
    latencies: tuple[float, ...] = ()
    probes: dict[str, str] = field(default_factory=dict)  # by path: its outcome and latency in words
    endpoints: dict[str, int] = field(default_factory=dict)  # by path: the HTTP status, 0 where none came
    answered: float | None = None  # requests a second; None where the application does not tell
    failed: float = 0.0
    error: str = ""
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Links:
    """Where everything is, and with which settings it was started."""

    page: str
    control: str
    settings: dict[str, tuple[str, str]]  # by its effect: seconds here, and usually

    def pace(self) -> str:
        """Say what was shortened for the show."""
        shown = {name: f"{seconds} s ({usual})" for name, (seconds, usual) in self.settings.items()}
        return ", ".join(f"{name} {words}" for name, words in shown.items())

    def lines(self) -> list[tuple[str, str]]:
        """Return each link with its name."""
        return [
            ("page", f"{self.page}/"),
            ("health", f"{self.page}/healthz?verbose"),
            ("metrics", f"{self.page}/metrics"),
            ("control", f"{self.control}/"),
        ]


@dataclass(frozen=True, slots=True)
class Message:
    """One line from the stage to the terminal; what is None is not part of it."""

    say: str | None = None
    links: Links | None = None
    status: Status | None = None
    failure: str | None = None
    scripted: bool = False  # `say` belongs to the transcript of the tour

    def encode(self) -> bytes:
        """Return the message as a line."""
        return json.dumps(dataclasses.asdict(self)).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> Message:
        """Undo `encode`."""
        given: dict[str, Any] = json.loads(line)
        if given["links"] is not None:
            given["links"] = Links(**given["links"])
        if (status := given["status"]) is not None:
            lists = {name: tuple(status[name]) for name in ("latencies", "faults")}
            given["status"] = Status(**{**status, **lists, "pool": Pool(**status["pool"])})
        return cls(**given)
