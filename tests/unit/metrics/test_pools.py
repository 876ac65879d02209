"""Pools' metrics: names, types and labels of the contract, and no sample for an unknown number."""

import subprocess
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from exporter.app_pools.registry import AppPools
from exporter.metrics.pools import app_families, pool_families
from exporter.model.pool import Histogram, PoolState, PoolTotals
from tests.reporter.datagrams import datagram
from tests.support.needs import need_tools

WORKER = 'database="main",pool="orders",worker="1"'
POOL = 'database="main",pool="orders"'


class FixedCollector:
    """A collector that returns fixed families."""

    def __init__(self, families: Iterable[Metric]) -> None:
        """Keep them."""
        self.families = list(families)

    def collect(self) -> list[Metric]:
        """Return them."""
        return self.families


def render(families: Iterable[Metric]) -> str:
    """Render as a scrape does."""
    registry = CollectorRegistry(auto_describe=True)
    registry.register(FixedCollector(families))
    return generate_latest(registry).decode()


def everything() -> str:
    """A scrape with every family in it."""
    pools = AppPools(databases={"main": "app"})
    pools.receive(datagram(lag=0.5, oldest={"age": 40.0, "where": "views.py:88 in f", "leak": True}))
    return render([*pool_families(pools.states(), pools.totals()), *app_families(pools)])


def names_and_types(text: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Each family's type and labels."""
    return {
        family.name: (family.type, frozenset().union(*({*s.labels} - {"le"} for s in family.samples)))
        for family in text_string_to_metric_families(text)
    }


def test_names_types_and_labels_are_the_contracts() -> None:
    """The families are exactly those of the contract."""
    worker, pool = frozenset({"database", "pool", "worker"}), frozenset({"database", "pool"})
    gauges = [
        "size",
        "checked_out_connections",
        "checked_in_connections",
        "overflow_connections",
        "max_connections",
        "pending_requests",
        "oldest_checkout_seconds",
        "leaked_connections",
    ]

    assert names_and_types(everything()) == {
        **{f"dbhealth_pool_{name}": ("gauge", worker) for name in gauges},
        **{f"dbhealth_pool_{name}": ("counter", pool) for name in ("timeouts", "connects", "invalidations")},
        **{f"dbhealth_pool_{name}_seconds": ("histogram", pool) for name in ("wait", "use", "create")},
        "dbhealth_pool_oldest_checkout_info": ("gauge", pool | {"location"}),
        "dbhealth_app_event_loop_lag_seconds": ("gauge", worker),
        "dbhealth_app_worker_silent": ("gauge", worker),
        "dbhealth_app_reports_rejected": ("counter", frozenset({"reason"})),
    }


def test_unknown_number_has_no_sample() -> None:
    """A NullPool has no size: its series are absent, not 0."""
    state = PoolState(database="main", pool="orders", worker="1", oldest_checkout_seconds=0.0)
    totals = PoolTotals("main", "orders", connects=None, timeouts=None, wait=None, use=None, create=None)

    lines = [line for line in render(pool_families([state], [totals])).splitlines() if line[0] != "#"]

    assert lines == [
        f"dbhealth_pool_oldest_checkout_seconds{{{WORKER}}} 0.0",
        f"dbhealth_pool_invalidations_total{{{POOL}}} 0.0",
    ]


def test_an_unlimited_pool_has_an_infinite_maximum() -> None:
    """`+Inf`, which a query can divide by."""
    state = PoolState(database="main", pool="orders", worker="1", max_connections=float("inf"))

    assert f"dbhealth_pool_max_connections{{{WORKER}}} +Inf\n" in render(pool_families([state], []))


def test_buckets_are_cumulative() -> None:
    """The datagram's counts become Prometheus's cumulative buckets."""
    totals = PoolTotals("main", "orders", wait=Histogram((1, 2, 0), 4.5, (0.1, 1.0)))

    text = render(pool_families([], [totals]))

    for bound, count in (("0.1", 1), ("1.0", 3), ("+Inf", 3)):
        labels = f'database="main",le="{bound}",pool="orders"'
        assert f"dbhealth_pool_wait_seconds_bucket{{{labels}}} {count}.0\n" in text
    assert f"dbhealth_pool_wait_seconds_count{{{POOL}}} 3.0\n" in text
    assert f"dbhealth_pool_wait_seconds_sum{{{POOL}}} 4.5\n" in text


def test_each_pool_shows_its_oldest_checkout() -> None:
    """Of several workers' checkouts the place of the oldest one is shown."""
    states = [
        PoolState("main", "orders", worker, oldest_checkout_seconds=age, oldest_location=f"at {worker}")
        for worker, age in (("1", 40.0), ("2", 50.0), ("3", 45.0))
    ]

    text = render(pool_families(states, []))

    assert text.count("dbhealth_pool_oldest_checkout_info{") == 1
    assert 'location="at 2"' in text


def test_promtool_has_no_objections() -> None:
    """Names, units and help texts follow Prometheus' conventions."""
    need_tools("promtool")

    command = ["promtool", "check", "metrics"]
    done = subprocess.run(command, input=everything(), capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
