"""Each rejected report is counted, and each reason is logged once."""

import pytest

from exporter.app_pools.registry import AppPools
from exporter.app_pools.report import RejectedError, Rejection
from tests.reporter.datagrams import datagram


@pytest.mark.parametrize(
    ("reason", "subject", "words"),
    [
        (Rejection.OVERSIZED, "", "larger"),
        (Rejection.MALFORMED, "", "not a report"),
        (Rejection.VERSION, "", "another version"),
        (Rejection.FIELD, "", "one of its fields"),
        (Rejection.WORKERS, "", "no more are kept"),
        (Rejection.POOLS, "orders", "pool orders"),
        (
            Rejection.SOURCE,
            "10.9.8.7",
            "from 10.9.8.7 was dropped: only this pod's addresses may send; APP_POOL_SOURCES",
        ),
    ],
)
def test_each_reason_is_logged_once(
    caplog: pytest.LogCaptureFixture, pools: AppPools, reason: Rejection, subject: str, words: str
) -> None:
    """The first rejection of a reason is one line in the log; the others are only counted."""
    for _ in range(3):
        pools.reject(RejectedError(reason, subject))

    assert len(caplog.messages) == 1
    assert words in caplog.messages[0]
    assert pools.rejected()[reason] == 3


def test_the_log_is_bounded(caplog: pytest.LogCaptureFixture, pools: AppPools) -> None:
    """A peer that invents pools fills neither memory nor the log."""
    for number in range(200):
        pools.receive(datagram(pool=f"pool {number}"))

    assert len(caplog.messages) == 16
    assert pools.rejected()[Rejection.POOLS] == 200 - 16
