"""The answer of a health endpoint and its forms: verbose text in Kubernetes' manner, and health+json."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.app_pools.assessment import Checkout
    from exporter.probing.status import DatabaseStatus


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


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthReport:
    """The answer of one endpoint.

    Attributes:
        endpoint: its path without the first slash.
        checks: what decides the answer, and what only warns.
        databases: the requested ones; their diagnoses are part of the JSON.
        explained: whether the verbose text has the diagnoses, too.
    """

    endpoint: str
    checks: Sequence[Check]
    databases: Sequence[DatabaseStatus] = ()
    explained: bool = False

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return all(check.status is not Status.FAIL for check in self.checks)

    @property
    def status(self) -> Status:
        """The worst of all checks."""
        found = {check.status for check in self.checks}
        return next((status for status in (Status.FAIL, Status.WARN) if status in found), Status.PASS)

    @property
    def notes(self) -> list[str]:
        """The diagnoses in sentences."""
        return [note for database in self.databases for note in _notes(database)] if self.explained else []

    def verbose(self) -> str:
        """Return a line for each check, as Kubernetes' own `/livez?verbose` does."""
        marks = {Status.PASS: "[+]", Status.WARN: "[!]", Status.FAIL: "[-]"}
        lines = [f"{marks[check.status]}{check.name} {_describe(check)}" for check in self.checks]
        end = f"{self.endpoint} check {'passed' if self.passed else 'failed'}"
        return "\n".join([*lines, *self.notes, end, ""])

    def json(self) -> str:
        """Return `application/health+json` (draft-inadarei-api-health-check); docs/health-endpoints.md has the form."""
        answer = {
            "status": self.status,
            "checks": {check.name: [_check_fields(check)] for check in self.checks},
            "databases": {database.name: _diagnosis_fields(database) for database in self.databases},
            "notes": self.notes,
        }
        return json.dumps(answer)


def _describe(check: Check) -> str:
    took = f" ({check.seconds * 1000:.1f} ms)" if check.seconds is not None else ""
    return f"{'failed: ' if check.status is Status.FAIL else ''}{check.output}{took}"


def _check_fields(check: Check) -> dict[str, object]:
    fields: dict[str, object] = {"status": check.status, "output": check.output}
    if check.seconds is not None:
        fields |= {"observedValue": round(check.seconds * 1000, 3), "observedUnit": "ms"}
    return fields


def _diagnosis_fields(status: DatabaseStatus) -> dict[str, object]:
    fields: dict[str, object] = {
        "verdict": status.verdict,
        "reason": status.reason,
        "advice": status.advice.sentence,
        "next_step": status.advice.next_step,
    }
    oldest = status.assessment.oldest_checkout
    if oldest is not None and oldest.location is not None:
        fields["oldest_checkout"] = asdict(oldest)
    leaks = [asdict(leak) for leak in status.assessment.leaks if leak.location is not None]
    return {**fields, "leaks": leaks} if leaks else fields


def _notes(status: DatabaseStatus) -> list[str]:
    advice, oldest = status.advice, status.assessment.oldest_checkout
    notes = [f"verdict {status.name}: {status.verdict}. {advice.sentence} {advice.next_step}"]
    if oldest is not None and oldest.location is not None:
        notes.append(f"oldest checkout {status.name}: {_checkout(oldest)}")
    return [*notes, *(f"leak {status.name}: {_checkout(leak)}" for leak in status.assessment.other_leaks)]


def _checkout(found: Checkout) -> str:
    return (
        f"pool {found.pool}, worker {found.worker}, at {found.location}, "
        f"out for {found.seconds or 0:.0f} s; now: {found.doing or 'not known'}"
    )
