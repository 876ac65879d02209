"""Hostile datagrams on the port for reports are counted and dropped, and never break a scrape."""

import json
import random
import socket
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from exporter.app_pools.registry import AppPools
from exporter.app_pools.report import Rejection
from exporter.metrics.pools import app_families, pool_families
from tests.conftest import StartExporter
from tests.reporter.datagrams import content, datagram
from tests.support import processes
from tests.support.ports import free_port
from tests.support.postgres import Postgres
from tests.unit.metrics.test_pools import FixedCollector

BAD_NUMBERS = [-1, -0.5, True, "1", [], {}, 10**400, float("nan"), float("inf"), 1e300]
BAD_TEXTS = [1, "", "\ud800", "a\nb", "\x00", "x" * 4000, [], {"a": 1}, True]
BAD = [None, *BAD_NUMBERS, *BAD_TEXTS]


def scrape(pools: AppPools) -> bytes:
    """Render everything as `/metrics` does."""
    registry = CollectorRegistry(auto_describe=True)
    families = [*pool_families(pools.states(), pools.totals()), *app_families(pools)]
    registry.register(FixedCollector(families))
    return generate_latest(registry)


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"", Rejection.MALFORMED),
        (b"\xff\xfe", Rejection.MALFORMED),
        (b"[]", Rejection.MALFORMED),
        (b"1", Rejection.MALFORMED),
        (b"[" * 8000, Rejection.MALFORMED),
        (b'{"v":' + b"1" * 5000 + b"}", Rejection.MALFORMED),
        (b'{"v":NaN}', Rejection.MALFORMED),
        (b"{}", Rejection.VERSION),
        (datagram(v=2), Rejection.VERSION),
        (datagram(v=True), Rejection.VERSION),
        (datagram(v="1"), Rejection.VERSION),
        (b" " * 8193, Rejection.OVERSIZED),
        (datagram(pool="sidecar"), Rejection.FIELD),
        (datagram(pool="x" * 65), Rejection.FIELD),
        (datagram(wait={"counts": [0] * 11, "sum": 0}), Rejection.FIELD),
        (datagram(wait={"counts": [0] * 13, "sum": 0}), Rejection.FIELD),
        (datagram(wait={"sum": 0}), Rejection.FIELD),
        (datagram(oldest={"id": 1}), Rejection.FIELD),
        (datagram(max=0), Rejection.FIELD),
        (datagram(max="endless"), Rejection.FIELD),
    ],
)
def test_each_defect_of_a_report_is_counted_by_its_reason(sent: bytes, reason: Rejection) -> None:
    """Each kind of defect is counted under its own reason, and nothing else happens."""
    pools = AppPools(databases={"main": "app"})

    pools.receive(sent)

    assert {why for why, count in pools.rejected().items() if count} == {reason}
    assert pools.states() == ()
    assert pools.totals() == ()


@pytest.mark.parametrize("name", list(content()))
def test_no_value_of_any_field_breaks_a_scrape(name: str) -> None:
    """A null, a wrong type or an infinite number in any field is taken as unknown or rejected, never an error."""
    for value in BAD:
        pools = AppPools(databases={"main": "app"})

        pools.receive(json.dumps({**content(), name: value}).encode())

        scrape(pools)
        assert len(pools.states()) + sum(pools.rejected().values()) == 1


@pytest.mark.parametrize("name", ["pid", "start", "pool"])
def test_report_without_worker_or_pool_is_rejected(name: str) -> None:
    """A report must name its worker and its pool."""
    pools = AppPools(databases={"main": "app"})
    report = content()
    del report[name]

    pools.receive(json.dumps(report).encode())

    assert pools.rejected()[Rejection.FIELD] == 1


def mutate(value: Any, chance: random.Random) -> Any:
    """Replace, drop or add something somewhere."""
    if chance.random() < 0.1:
        return chance.choice(BAD)
    if isinstance(value, dict):
        return {key: mutate(inner, chance) for key, inner in value.items() if chance.random() > 0.03}
    if isinstance(value, list):
        return [mutate(inner, chance) for inner in value] * chance.choice([1, 1, 1, 2])
    return value


@pytest.mark.parametrize("seed", range(8))
def test_mutated_reports_never_break_a_scrape(seed: int) -> None:
    """Thousands of broken reports, cut, flipped and mutated: counters never fall, and each scrape succeeds."""
    chance = random.Random(seed)
    pools = AppPools(databases={"main": "app"})
    connects = 0
    for _ in range(1500):
        sent = bytearray(json.dumps(mutate(content(), chance)).encode())
        if chance.random() < 0.3:
            del sent[chance.randrange(len(sent)) :]
        if sent and chance.random() < 0.3:
            sent[chance.randrange(len(sent))] = chance.randrange(256)
        pools.receive(bytes(sent))
        after = sum(total.connects or 0 for total in pools.totals())
        assert after >= connects
        connects = after

    text = scrape(pools).decode()

    assert b"nan" not in text.lower().encode()
    assert len(pools.states()) <= 64 * 16
    assert sum(pools.rejected().values()) > 500


@pytest.mark.extended
def test_a_flood_of_workers_takes_bounded_memory(server: Postgres, start_exporter: StartExporter) -> None:
    """Ten thousand workers and as many broken reports are counted; `/healthz` is in time, and memory is bounded."""
    port = free_port()
    exporter = start_exporter(server.url(), APP_POOL_LISTEN=f"127.0.0.1:{port}/udp")
    exporter.wait_for("success", within=10)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", port))
        sent = 0
        for round_of_flood in range(2):  # the first one fills what is kept: the second must add nothing
            before = processes.resident_bytes(exporter.process.pid)
            for pid in range(5000):
                sender.send(datagram(pid=round_of_flood * 5000 + pid, start=float(pid)))
                sender.send(b"{" * 4000)
                sent += 2
                if pid % 100 == 0:
                    exporter.health()
    grown = processes.resident_bytes(exporter.process.pid) - before

    workers = len(exporter.samples("dbhealth_app_worker_silent"))
    assert workers == 64
    assert 100 < exporter.sample("dbhealth_app_reports_rejected_total") <= sent - workers
    assert grown < 1024 * 1024
