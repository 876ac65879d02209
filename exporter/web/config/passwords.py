"""Checks passwords against bcrypt hashes, so that no flood of wrong ones keeps the event loop or a core busy.

bcrypt takes 50 ms of a core and more by design. It runs in a thread of low priority, one at a time; right
answers are remembered; each client has one attempt under way and all together a few; failures are spaced out.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import secrets
import threading
from contextlib import suppress
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

REMEMBERED = 64  # right answers; each Prometheus has one
REMEMBERED_SECONDS = 3600.0  # since its last use
MAX_ATTEMPTS = 8  # under way, of all clients together
FAILURE_SECONDS = 0.2  # from a wrong password to the next attempt: a flood has at most 5 in a second
LOW_PRIORITY = 5  # a niceness: the event loop gets three quarters of a core that both want
_LONGEST = 72  # bytes of a password that bcrypt looks at


class Answer(Enum):
    """The result of an attempt."""

    RIGHT = auto()
    WRONG = auto()
    BUSY = auto()  # too many attempts are under way


class PasswordChecker:
    """Answers whether a name and a password are right; `close` it at the end."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        """Start with no users; `clock` is monotonic seconds."""
        self._clock = clock
        self._users: Mapping[str, str] = {}
        self._secret = secrets.token_bytes(32)
        self._remembered: dict[bytes, float] = {}  # when each was used last, the oldest first
        self._attempts: dict[bytes, asyncio.Task[bool]] = {}
        self._clients: set[str] = set()
        self._one_at_a_time = asyncio.Lock()
        self._next_attempt_at = clock()

    def use(self, users: Mapping[str, str]) -> None:
        """Take other users: bcrypt hashes by name. What is remembered holds for its hash alone."""
        self._users = users

    async def check(self, user: str, password: str, *, client: str) -> Answer:
        """Check one attempt of a client, which is an address."""
        hashed = self._users.get(user)
        key = self._key(user, password, hashed or "")
        if self._recall(key):
            return Answer.RIGHT
        attempt = self._attempts.get(key)
        if attempt is None:
            if client in self._clients or len(self._attempts) >= MAX_ATTEMPTS:
                return Answer.BUSY
            attempt = asyncio.create_task(self._attempt(key, password, hashed), name="password")
            self._attempts[key] = attempt
            self._clients.add(client)
            attempt.add_done_callback(lambda _: self._end(key, client))
        # Another request may wait for the same answer when this one is cancelled.
        return Answer.RIGHT if await asyncio.shield(attempt) else Answer.WRONG

    async def close(self) -> None:
        """End the attempts under way; a thread that computes is left to end with the process."""
        attempts = list(self._attempts.values())
        for attempt in attempts:
            attempt.cancel()
        await asyncio.gather(*attempts, return_exceptions=True)

    async def _attempt(self, key: bytes, password: str, hashed: str | None) -> bool:
        async with self._one_at_a_time:
            await asyncio.sleep(self._next_attempt_at - self._clock())
            # An unknown user takes as long as a known one.
            right = await _in_thread(partial(_matches, password, hashed or self._decoy()))
            if right and hashed is not None:
                self._remember(key)
                return True
            self._next_attempt_at = self._clock() + FAILURE_SECONDS
            return False

    def _end(self, key: bytes, client: str) -> None:
        del self._attempts[key]
        self._clients.discard(client)

    def _key(self, user: str, password: str, hashed: str) -> bytes:
        """Return what is remembered in place of the password."""
        text = f"{len(user)}:{user}{len(hashed)}:{hashed}{password}"
        return hmac.digest(self._secret, text.encode(errors="surrogatepass"), "sha256")

    def _recall(self, key: bytes) -> bool:
        used = self._remembered.pop(key, None)
        if used is None or self._clock() - used > REMEMBERED_SECONDS:
            return False
        self._remembered[key] = self._clock()
        return True

    def _remember(self, key: bytes) -> None:
        if len(self._remembered) >= REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[key] = self._clock()

    def _decoy(self) -> str:
        """Return a hash of no password, at the highest cost of the users'."""
        cost = max((hashed[4:6] for hashed in self._users.values()), default="10")
        return f"$2b${cost}${'.' * 53}"


async def _in_thread(compute: Callable[[], bool]) -> bool:
    """Run it in a thread that no exit waits for: a hash of the highest cost takes days."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[bool] = loop.create_future()

    def settle(answer: bool) -> None:  # noqa: FBT001 - an answer, not an option
        if not result.done():
            result.set_result(answer)

    def run() -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOW_PRIORITY)  # Linux: of this thread alone
        answer = compute()
        with suppress(RuntimeError):  # the loop has been closed meanwhile
            loop.call_soon_threadsafe(settle, answer)

    threading.Thread(target=run, name="bcrypt", daemon=True).start()
    return await result


def _matches(password: str, hashed: str) -> bool:
    import bcrypt  # on first use: nothing is loaded where no password is asked for

    try:
        return bcrypt.checkpw(password.encode(errors="surrogatepass")[:_LONGEST], hashed.encode())
    except ValueError:  # a password that bcrypt cannot hash, as one with a zero byte
        return False
