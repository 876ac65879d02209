"""Why a connect over psycopg failed: libpq keeps neither the SQLSTATE nor the errno, so asyncpg is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import asyncpg

from exporter.database import attempt as progress

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    import psycopg

    from exporter.dsn import Target

# The probe has a deadline of its own. asyncpg's, of 60 s, would keep every ended connect's timer for that long,
# and with it the connect's TLS context.
NO_TIMER = {"timeout": None}


class PassingError(Exception):
    """psycopg could not connect, and asyncpg could right after; the text is libpq's."""


class SecondOpinion:
    """Asks, and remembers the answer: on a slow line it comes after the deadline, in time for the next probe."""

    def __init__(self) -> None:
        """Know nothing."""
        self._asked: tuple[Target, str] | None = None
        self._answer: Exception | None = None

    async def on(self, error: psycopg.OperationalError, target: Target) -> Exception:
        """Return an error that tells why psycopg failed; until it is known, the record holds the best that is."""
        if type(error).__name__ == "ConnectionTimeout":  # the URL's own connect_timeout: nothing answered
            return TimeoutError(str(error))
        question = (target, str(error))
        progress.current().refusal = self._answer if question == self._asked else error
        answer = await _ask(target) or PassingError(str(error).partition("\n")[0])
        progress.current().refusal = None
        self._asked, self._answer = question, answer.with_traceback(None)
        return answer


async def _ask(target: Target) -> Exception | None:
    arguments = replace(target, driver="asyncpg", other=()).connect_arguments()
    if target.hostaddr and target.sslmode == "verify-full":
        _verify(arguments["ssl"], target.hosts[0][0])
    try:
        connection = await asyncpg.connect(**{**NO_TIMER, **arguments})
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
        return error
    connection.terminate()
    return None


def _verify(context: ssl.SSLContext, name: str) -> None:
    """Verify the host's name as libpq does, where asyncpg would verify the address that it connects to."""
    wrap: Callable[..., ssl.SSLObject] = context.wrap_bio

    def wrap_bio(*ends: ssl.MemoryBIO, **options: Any) -> ssl.SSLObject:
        return wrap(*ends, **{**options, "server_hostname": name})

    context.wrap_bio = wrap_bio  # type: ignore[assignment]
