"""The whole chain for real: server, busy application, exporter, Prometheus, dashboard and alerts."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.conftest import StartExporter
from tests.observability import places
from tests.observability.dashboard_lint import panels
from tests.observability.scene import RATE, Application, Prometheus, application_port
from tests.support.background import Background
from tests.support.client import StallDetector
from tests.support.exporter import Exporter
from tests.support.postgres import Postgres
from tests.support.proxy import Proxy
from tests.support.server_factory import ServerFactory
from tests.support.template import Template
from tests.support.waiting import until

DASHBOARD = json.loads(places.DASHBOARD.read_text())
QUICK = {
    "PROBE_INTERVAL": "0.5",
    "FRESH_PROBE_INTERVAL": "1",
    "POD_IP": "127.0.0.1",
    "APP_POOL_WEDGED_AFTER": "3",
}
HISTORY = 8  # scrapes before the first query


class Scene:
    """A pod with a busy application, and Prometheus."""

    def __init__(
        self,
        server_factory: ServerFactory,
        cleanup: ExitStack,
        server: Postgres,
        exporters: dict[str, Exporter],
    ) -> None:
        """Start application and Prometheus; the first exporter is the application's."""
        self.server = server
        self.exporters = exporters
        first = next(iter(exporters.values()))
        self.application = Application(server_factory, server.url(), reports_to=application_port(first))
        cleanup.callback(self.application.close)
        self.prometheus = Prometheus(server_factory, exporters)
        cleanup.callback(self.prometheus.close)
        until(lambda: self.prometheus.value('dbhealth_pool_pending_requests{pool="orders"}'), within=20, what="reports")

    def wait_for_alert(self, name: str, *, within: float = 60) -> list[dict[str, Any]]:
        """Return the alerts of this name once they fire."""
        return until(lambda: self.prometheus.firing().get(name, []), within=within, what=f"{name} fires", every=0.5)


@pytest.fixture
def scene(server_factory: ServerFactory, cleanup: ExitStack, server: Postgres, start_exporter: StartExporter) -> Scene:
    """One pod, all healthy."""
    exporter = start_exporter(server.url(), **QUICK)
    return Scene(server_factory, cleanup, server, {"orders-1": exporter})


@pytest.fixture(scope="module")
def quiet(server_factory: ServerFactory, template: Template, stall_detector: StallDetector) -> Iterator[Scene]:
    """The same for tests that change nothing."""
    with ExitStack() as cleanup:
        server = template.copy()
        cleanup.callback(server.close)
        server.start()
        exporter = Exporter(server_factory, {"DATABASE_URL": server.url(), **QUICK}, stall_detector=stall_detector)
        cleanup.callback(exporter.close)
        yield Scene(server_factory, cleanup, server, {"orders-1": exporter})


def ask_everything(prometheus: Prometheus) -> tuple[set[str], set[str]]:
    """Run every query of the dashboard as Grafana would; the panels with an answer, and those with an empty query."""
    full: set[str] = set()
    empty: set[str] = set()
    now = time.time()
    for panel in panels(DASHBOARD):
        for target in panel["targets"]:
            expr = target["expr"].replace("$__rate_interval", RATE)
            expr = re.sub(r'=~"\$\w+"', '=~".*"', expr)
            found = prometheus.value(expr) if target["instant"] else prometheus.values(expr, end=now)
            (full if found else empty).add(panel["title"])
    return full, empty


@pytest.mark.timeout(180)
def test_every_query_of_the_dashboard_answers(scene: Scene) -> None:
    """No query fails; an empty panel names the condition for data, and has data once that holds."""
    prometheus = scene.prometheus
    until(lambda: prometheus.value(f"count_over_time(dbhealth_up[30s]) >= {HISTORY}"), within=30, what="a history")
    empty = ask_everything(prometheus)[1]
    print("empty while all is well:", sorted(empty))
    descriptions = {panel["title"]: panel["description"] for panel in panels(DASHBOARD)}
    assert [title for title in empty if "Empty w" not in descriptions[title]] == []

    scene.application.inject("leak")
    scene.application.inject("fill")
    until(lambda: prometheus.value("dbhealth_pool_oldest_checkout_info"), within=20, what="the leak is named")
    scene.server.freeze()
    try:
        failures = f'sum(rate(dbhealth_probes_total{{path="pooled", outcome!="success"}}[{RATE}])) > 0'
        until(lambda: prometheus.value(failures), within=20, what="the freeze is seen")
    finally:
        scene.server.thaw()
    until(lambda: prometheus.value("dbhealth_up == 1"), within=20, what="the thaw is seen")

    until(lambda: not ask_everything(prometheus)[1], within=20, what=f"none is empty, not even {empty}", every=1)


def test_every_variable_of_the_dashboard_has_values(quiet: Scene) -> None:
    """Each list offers the existing values."""
    expected = {
        "job": {"shop/orders"},
        "namespace": {"shop"},
        "pod": {"orders-1"},
        "database": {"app"},
        "pool": {"orders"},
    }
    found = {}
    for variable in DASHBOARD["templating"]["list"][1:]:
        series, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"]).groups()  # type: ignore[union-attr]
        series = re.sub(r'=~"\$\w+"', '=~".*"', series)
        found[variable["name"]] = set(quiet.prometheus.ask(f"label/{label}/values", **{"match[]": series}))

    assert found == expected


@pytest.mark.timeout(180)
def test_a_database_that_is_gone_is_told_from_a_pod_that_is_cut_off(
    server_factory: ServerFactory,
    cleanup: ExitStack,
    server: Postgres,
    start_exporter: StartExporter,
    background: Background,
) -> None:
    """A pod without its network: DatabaseUnreachableFromPod alone. No server: DatabaseUnreachable, with the reason."""
    proxy = Proxy(background, ("127.0.0.1", server.port))
    exporters = {
        "orders-1": start_exporter(server.url(), **QUICK),
        "orders-2": start_exporter(server.url(port=proxy.port), **QUICK),
    }
    scene = Scene(server_factory, cleanup, server, exporters)
    until(lambda: len(scene.prometheus.value("dbhealth_up == 1")) == 2, within=20, what="both pods are well")
    assert "DatabaseUnreachable" not in scene.prometheus.firing()

    proxy.close()
    one = scene.wait_for_alert("DatabaseUnreachableFromPod")
    firing = scene.prometheus.firing()
    assert [alert["labels"]["pod"] for alert in one] == ["orders-2"]
    assert "DatabaseUnreachable" not in firing

    server.stop("immediate")
    (gone,) = scene.wait_for_alert("DatabaseUnreachable")
    assert gone["labels"]["severity"] == "critical"
    assert gone["labels"]["database"] == "app"
    assert '"refused"' in gone["annotations"]["description"]


@pytest.mark.timeout(180)
def test_a_wedged_application_is_named(scene: Scene) -> None:
    """Nested checkouts deadlock: AppPoolWedged fires for that pod while the database stays healthy."""
    assert "AppPoolWedged" not in scene.prometheus.firing()

    scene.application.inject("wedge")
    (alert,) = scene.wait_for_alert("AppPoolWedged")

    assert alert["labels"]["pod"] == "orders-1"
    assert alert["labels"]["severity"] == "critical"
    assert scene.prometheus.value("dbhealth_up == 1")
    assert "DatabaseUnreachable" not in scene.prometheus.firing()


def test_every_metric_that_is_named_anywhere_exists(quiet: Scene) -> None:
    """Dashboard, alerts, runbooks and documentation name only metrics that `/metrics` has."""
    exposition = next(iter(quiet.exporters.values())).get("/metrics").text
    families = set(re.findall(r"(?m)^# TYPE (\w+) ", exposition))
    there = families | {f"{name}{suffix}" for name in families for suffix in ("_bucket", "_sum", "_count")}
    there |= set(re.findall(r"record: \w+:(\w+):", places.RULES.read_text()))  # made by recording rules
    files = [places.DASHBOARD, places.RULES, *places.RUNBOOKS.glob("*.md"), places.ROOT / "docs/observability.md"]

    missing = {
        f"{file.name}: {name}"
        for file in files
        for name in places.METRIC.findall(file.read_text())
        if name not in there
    }

    assert missing == set()


@pytest.mark.parametrize("generation", ["2", "3"])
def test_promtool_finds_nothing_in_the_metrics(quiet: Scene, generation: str) -> None:
    """Names, help texts and types follow Prometheus's conventions."""
    exposition = next(iter(quiet.exporters.values())).get("/metrics").text

    done = subprocess.run(
        [places.promtool(generation), "check", "metrics"],
        input=exposition,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout + done.stderr == ""
