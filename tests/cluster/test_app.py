"""Mode app on a real kubelet: readiness, outages, the pod's end, rotated passwords."""

import time
from collections.abc import Callable
from datetime import datetime

import pytest

from tests.cluster.kube import Kube, Object
from tests.cluster.release import DATABASE, Release, app, exporter
from tests.support.postgres import Postgres
from tests.support.waiting import until

Install = Callable[..., Release]
WriteSecret = Callable[..., None]
QUICK = {"PROBE_INTERVAL": 1, "APP_POOL_WEDGED_AFTER": 3, "FRESH_PROBE_INTERVAL": 1}


@pytest.fixture(autouse=True)
def _secret(secret: WriteSecret) -> None:
    """Every test's namespace has the database's Secret."""


def test_a_frozen_database_makes_a_gated_pod_unready_and_restarts_nothing(release: Install, database: Postgres) -> None:
    """`gate` follows the database within 5 s with the chart's own probe timing, `latch` does not; nothing restarts."""
    probes = {"readiness": True, "liveness": True}
    gate = release("gate", app=app(probes=probes), database=DATABASE, exporter=exporter(settings={"READINESS": "gate"}))
    latch = release("latch", app=app(probes=probes), database=DATABASE, exporter=exporter())
    gated, latched = gate.pod(), latch.pod()
    for pod in (gated, latched):
        pod.until_ready()

    database.freeze()
    begun = time.monotonic()
    gated.until(lambda: not gated.ready(), "unready", within=10)
    taken = time.monotonic() - begun
    # Long enough for two failures of each livenessProbe, had they followed the database.
    time.sleep(15)
    assert latched.ready()
    assert latched.ask("/healthz").status == 503
    database.thaw()
    gated.until_ready(within=10)

    assert taken < 5
    for pod in (gated, latched):
        assert set(pod.restarts().values()) == {0}, pod.describe()


def test_a_database_that_is_down_from_the_start_restarts_nothing(release: Install, database: Postgres) -> None:
    """The sidecar runs and reports; with the gate the application starts as soon as the database answers."""
    database.stop()
    plain = release("plain", app=app(), database=DATABASE, exporter=exporter())
    gate = release("gate", app=app(), database=DATABASE, exporter=exporter(startupGate={"enabled": True}))
    running, waiting = plain.pod(), gate.pod()
    running.until(lambda: running.started("app"), "the application started")
    waiting.until(lambda: "running" in waiting.containers()["db-health-exporter"]["state"], "the exporter runs")
    time.sleep(60)

    assert running.ask("/healthz").status == 503
    assert 'outcome="refused"} 0.0' not in running.ask("/metrics").text
    assert not running.ready()
    assert not waiting.started("app")
    for pod in (running, waiting):
        assert set(pod.restarts().values()) == {0}, pod.describe()

    database.start()
    waiting.until_ready(within=15)
    running.until_ready(within=15)
    assert set(waiting.restarts().values()) == {0}, waiting.describe()


def test_the_sidecar_outlives_the_application(kube: Kube, release: Install) -> None:
    """At deletion the application ends first, the sidecar answers until then and exits 0 within 3 s."""
    grace = {"env": [{"name": "GRACE", "value": "3"}]}
    pod = release(app=app(**grace), database=DATABASE, exporter=exporter()).pod()
    pod.until_ready()
    # Without a finalizer the last states would vanish with the pod.
    hold = '{"metadata":{"finalizers":["dbhealth.test/hold"]}}'
    kube.run("patch", "pod", "-n", pod.namespace, pod.name, "-p", hold)
    try:
        kube.run("delete", "pod", "-n", pod.namespace, pod.name, "--wait=false")
        pod.until(lambda: "asked to end" in pod.log("app"), "the application asked to end")
        ends_at = float(pod.log("app").split()[0]) + 3
        answers = {}
        while "running" in pod.containers()["app"]["state"]:
            answers[time.time()] = pod.ask("/healthz").status
        ends = until(lambda: _ends(pod.containers()), within=20, what="both containers ended", every=0.1)
    finally:
        kube.run("patch", "pod", "-n", pod.namespace, pod.name, "-p", '{"metadata":{"finalizers":null}}')

    # The kubelet reports the end up to a second later.
    during = [status for moment, status in answers.items() if moment < ends_at - 0.1]
    assert len(during) > 3
    assert set(during) == {200}
    assert ends["db-health-exporter"]["exitCode"] == 0
    assert 0 <= (_time(ends["db-health-exporter"]) - _time(ends["app"])).total_seconds() <= 3


def _ends(containers: dict[str, Object]) -> dict[str, Object]:
    states = {name: container["state"] for name, container in containers.items()}
    ends = {name: state["terminated"] for name, state in states.items() if "terminated" in state}
    return ends if len(ends) == len(containers) else {}


def _time(end: Object) -> datetime:
    return datetime.fromisoformat(end["finishedAt"])
