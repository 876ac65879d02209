"""The answer of a health endpoint and its forms: verbose text in Kubernetes' manner, and health+json."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Status(StrEnum):
    """The result of one check, or of all together; `warn` fails nothing."""

    PASS = "pass"  # noqa: S105 - a word of the health+json draft
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One check; `seconds` is how long it took, where that is known."""

    name: str
    status: Status
    output: str
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class HealthReport:
    """All checks of one endpoint; `notes` are sentences for people, `databases` diagnoses for programs."""

    endpoint: str
    checks: Sequence[Check]
    notes: Sequence[str] = ()
    databases: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return all(check.status is not Status.FAIL for check in self.checks)

    @property
    def status(self) -> Status:
        """The worst of all checks."""
        found = {check.status for check in self.checks}
        return next((status for status in (Status.FAIL, Status.WARN) if status in found), Status.PASS)

    def verbose(self) -> str:
        """Return a line for each check, as Kubernetes' own `/livez?verbose` does."""
        marks = {Status.PASS: "[+]", Status.WARN: "[!]", Status.FAIL: "[-]"}
        lines = [f"{marks[check.status]}{check.name} {_describe(check)}" for check in self.checks]
        end = f"{self.endpoint} check {'passed' if self.passed else 'failed'}"
        return "\n".join([*lines, *self.notes, end, ""])

    def json(self) -> str:
        """Return `application/health+json` (draft-inadarei-api-health-check)."""
        checks = {check.name: [_entry(check)] for check in self.checks}
        answer = {"status": self.status, "checks": checks, "databases": dict(self.databases), "notes": list(self.notes)}
        return json.dumps(answer)


def _describe(check: Check) -> str:
    took = f" ({check.seconds * 1000:.1f} ms)" if check.seconds is not None else ""
    return f"{'failed: ' if check.status is Status.FAIL else ''}{check.output}{took}"


def _entry(check: Check) -> dict[str, object]:
    entry: dict[str, object] = {"status": check.status, "output": check.output}
    if check.seconds is not None:
        entry |= {"observedValue": round(check.seconds * 1000, 3), "observedUnit": "ms"}
    return entry
