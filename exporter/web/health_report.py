"""What the health endpoints say, as pure text: plain, verbose in Kubernetes' manner, or health+json."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Status(StrEnum):
    """How one check, or all of them together, came out; `warn` fails nothing."""

    PASS = "pass"  # noqa: S105 - a word of the health+json draft
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Line:
    """One check: its name, how it came out, in which words, and how long it took where that is known."""

    name: str
    status: Status
    output: str
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """All checks of one endpoint; `notes` are sentences for people, `databases` diagnoses for programs."""

    endpoint: str
    lines: Sequence[Line]
    notes: Sequence[str] = ()
    databases: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return all(line.status is not Status.FAIL for line in self.lines)

    @property
    def status(self) -> Status:
        """The worst of all checks."""
        found = {line.status for line in self.lines}
        return next((status for status in (Status.FAIL, Status.WARN) if status in found), Status.PASS)

    def plain(self) -> str:
        """Say one word."""
        return "ok" if self.passed else "failed"

    def verbose(self) -> str:
        """Give each check a line, as Kubernetes' own `/livez?verbose` does."""
        marks = {Status.PASS: "[+]", Status.WARN: "[!]", Status.FAIL: "[-]"}
        lines = [f"{marks[line.status]}{line.name} {_words(line)}" for line in self.lines]
        end = f"{self.endpoint} check {'passed' if self.passed else 'failed'}"
        return "\n".join([*lines, *self.notes, end, ""])

    def json(self) -> str:
        """Return `application/health+json` (draft-inadarei-api-health-check)."""
        checks = {line.name: [_entry(line)] for line in self.lines}
        answer = {"status": self.status, "checks": checks, "databases": dict(self.databases), "notes": list(self.notes)}
        return json.dumps(answer)


def _words(line: Line) -> str:
    took = f" ({line.seconds * 1000:.1f} ms)" if line.seconds is not None else ""
    return f"{'failed: ' if line.status is Status.FAIL else ''}{line.output}{took}"


def _entry(line: Line) -> dict[str, object]:
    entry: dict[str, object] = {"status": line.status, "output": line.output}
    if line.seconds is not None:
        entry |= {"observedValue": round(line.seconds * 1000, 3), "observedUnit": "ms"}
    return entry
