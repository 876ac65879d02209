"""The event loop's exception handler: a lack of files is logged once a minute, everything else as asyncio does."""

import asyncio
import errno
import logging
import os

import pytest

from exporter.runtime.exception_handler import LOG_INTERVAL, RateLimitedExceptionHandler
from tests.support.clock import Clock


def lack_of_files() -> dict[str, object]:
    """What asyncio reports when the process has no file left for a connection."""
    error = OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    return {"message": "socket.accept() out of system resource", "exception": error}


@pytest.fixture
def loop() -> asyncio.AbstractEventLoop:
    """A loop that is not running: its own handler logs all the same."""
    made = asyncio.new_event_loop()
    made.close()
    return made


def test_lack_is_logged_once_an_interval(loop: asyncio.AbstractEventLoop, caplog: pytest.LogCaptureFixture) -> None:
    """Many failed accepts are one line, without a traceback; a minute later there is another."""
    clock = Clock()
    handler = RateLimitedExceptionHandler(clock)
    for _ in range(10):
        handler(loop, lack_of_files())
    first = list(caplog.records)
    clock.now += LOG_INTERVAL
    handler(loop, lack_of_files())

    assert [(each.getMessage(), each.exc_info) for each in first] == [
        ("cannot accept connections: Too many open files", None)
    ]
    assert len(caplog.records) == len(first) + 1


@pytest.mark.parametrize(
    "context",
    [
        {"message": "Task exception was never retrieved", "exception": ValueError("defect")},
        {"message": "socket.accept() failed", "exception": OSError(errno.ECONNABORTED, "aborted")},
        {"message": "something", "exception": OSError(errno.EMFILE, "files")},
    ],
)
def test_everything_else_is_left_to_asyncio(
    loop: asyncio.AbstractEventLoop, caplog: pytest.LogCaptureFixture, context: dict[str, object]
) -> None:
    """No other error is suppressed, however often it comes."""
    handler = RateLimitedExceptionHandler(Clock())
    with caplog.at_level(logging.ERROR):
        handler(loop, dict(context))
        handler(loop, dict(context))

    assert [each.getMessage() for each in caplog.records] == [context["message"]] * 2
