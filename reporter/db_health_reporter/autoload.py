"""Runs at the interpreter's start, by db_health_reporter.pth: reports every engine if DBHEALTH_INSTALL is set.

It imports only modules that the interpreter has imported by then: gevent patches modules that must be new, and an
environment's other programs pay for it, too.
"""

from __future__ import annotations

import os

_OFF = ("", "0", "false", "no", "off")


def is_asked_for() -> bool:
    """Return whether DBHEALTH_INSTALL is set to report every engine."""
    return os.environ.get("DBHEALTH_INSTALL", "").strip().lower() not in _OFF


def start() -> None:
    """Hook SQLAlchemy's engines; never raises: an interpreter must start."""
    try:
        if is_asked_for():
            from db_health_reporter.engine_hook import hook_engines_when_imported

            hook_engines_when_imported(_report)
    except Exception:  # noqa: BLE001, S110 - nothing is set up yet that could take a line of log
        pass


def _report(engine: object) -> None:
    from db_health_reporter.plugin import report_new_engine  # SQLAlchemy has been imported by now

    report_new_engine(engine)
