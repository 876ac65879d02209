"""The exporter's pod: its permissions, its discovery, its rotated Secrets."""

import json
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.chart.tools import CONSUMER, tool
from tests.cluster.conftest import CURRENT
from tests.cluster.kube import Kube
from tests.cluster.release import APPLICATION, DATABASE, Release, app, exporter
from tests.support.ports import free_port
from tests.support.postgres import PASSWORD, Postgres
from tests.support.server_factory import ServerFactory
from tests.support.waiting import until

Install = Callable[..., Release]
WriteSecret = Callable[..., None]
IMAGE = f"{APPLICATION['repository']}:{APPLICATION['tag']}"
QUICK = {"PROBE_INTERVAL": 1, "FRESH_PROBE_INTERVAL": 1}


def test_the_exporter_can_write_nowhere_and_has_no_token(release: Install, secret: WriteSecret, kube: Kube) -> None:
    """A restricted namespace accepts it; its root is read-only, its user unprivileged, no token is mounted."""
    del secret
    pod = release(app=app(), database=DATABASE, exporter=exporter()).pod()
    pod.until_ready()
    seen = "import os; print(os.getuid(), os.path.exists('/var/run/secrets/kubernetes.io')); open('/x', 'w')"
    words = ("exec", "-n", pod.namespace, pod.name, "-c", "db-health-exporter", "--", "python3", "-c", seen)
    done = kube.run(*words, check=False)

    assert done.stdout.split() == ["65532", "False"]
    assert "Read-only file system" in done.stderr
    assert done.returncode != 0


@pytest.mark.parametrize("form", ["url", "host"])
def test_a_rotated_secret_reaches_the_exporter_without_a_restart(
    release: Install,
    database: Postgres,
    secret: WriteSecret,
    kube: Kube,
    form: str,
) -> None:
    """A new password in the Secret is used for the next connection, whatever characters it has."""
    secret(password=PASSWORD)
    name, role = {"name": "orders-database"}, {"name": "app", "user": "app"}
    place = {"host": database.host, "port": database.port, "passwordSecret": name, **role}
    where = {"existingSecret": name} if form == "url" else place
    pod = release(mode="standalone", database=where, exporter=exporter(settings=QUICK)).pod()
    pod.until_ready()

    new = "n3w@:/%# 'p\\w"
    database.sql("ALTER ROLE app PASSWORD '" + new.replace("'", "''") + "'")
    database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'")
    pod.until_page("/healthz", 503, within=15)
    secret(url=database.url(password=new), password=new)
    # The kubelet looks at a changed pod at once, and at others after a minute.
    kube.run("annotate", "pod", "-n", pod.namespace, pod.name, "hurry=please")
    pod.until_page("/healthz", 200, within=30)

    assert set(pod.restarts().values()) == {0}


def test_somebody_elses_chart_runs_the_sidecar_in_a_job_too(
    release: Install,
    secret: WriteSecret,
    kube: Kube,
    namespace: str,
) -> None:
    """With the library's templates a Deployment is ready, and a Job ends although its sidecar never would."""
    del secret
    made = release(
        "shop",
        chart=CONSUMER,
        image=IMAGE,
        pullPolicy="Never",
        dbHealth={"database": DATABASE, "exporter": exporter()},
    )
    path = f"/apis/batch/v1/namespaces/{namespace}/jobs/{made.name}"
    until(lambda: kube.get(path)["status"].get("succeeded") == 1, within=60, what="the Job is complete", every=0.3)

    pod = kube.pod(namespace, f"app={made.name}")
    pod.until_ready()
    assert pod.ask("/healthz").status == 200


def test_a_wedged_application_is_restarted_and_well_again(release: Install, secret: WriteSecret) -> None:
    """A failed `/app/livez` makes the kubelet restart the application, and the exporter itself keeps running."""
    del secret
    settings = {**QUICK, "APP_POOL_WEDGED_AFTER": 3}
    probes = {"readiness": True, "liveness": True}
    pod = release(app=app(probes=probes), database=DATABASE, exporter=exporter(settings=settings)).pod()
    pod.until_ready()
    pod.until(lambda: pod.ask("/orders", port=8000).status == 200, "the application answers")
    pod.until(lambda: 'pool="orders"' in pod.ask("/metrics").text, "the pool is reported")

    assert pod.ask("/wedge", port=8000, method="POST").status == 200
    pod.until(lambda: pod.restarts()["app"] == 1, "restarted", within=60)
    pod.until(lambda: pod.ask("/orders", port=8000).status == 200, "the application answers again")
    pod.until_page("/app/livez", 200)
    assert pod.restarts() == {"app": 1, "db-health-exporter": 0}


def test_a_service_reaches_the_sidecars_named_port(
    release: Install,
    secret: WriteSecret,
    kube: Kube,
    namespace: str,
) -> None:
    """`targetPort: db-health` finds the port although it belongs to an init container."""
    del secret
    made = release(app=app(service={"enabled": True}), database=DATABASE, exporter=exporter())
    made.pod().until_ready()
    spec = {
        "selector": {"app.kubernetes.io/instance": made.name},
        "ports": [{"port": 80, "targetPort": "db-health"}],
    }
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "health"}, "spec": spec}
    kube.apply(service, namespace=namespace)
    services = f"/api/v1/namespaces/{namespace}/services"

    until(lambda: kube.fetch(f"{services}/health:80/proxy/healthz").status == 200, within=30, what="a healthy Service")
    application = f"{services}/{made.name}:http/proxy/orders"
    until(lambda: kube.fetch(application).text == "42", within=30, what="the application's own Service")


@pytest.fixture
def prometheus(
    server_factory: ServerFactory,
    kubeconfig: Path,
    namespace: str,
    cleanup: ExitStack,
) -> Callable[[str], list[dict[str, Any]]]:
    """A Prometheus on this machine that discovers pods of the test's namespace; called with a query."""
    if CURRENT:
        pytest.skip("pods of another cluster cannot be scraped from here")
    program = tool("prometheus3", "prometheus")
    folder = server_factory.folder("prometheus")
    discovery = {"role": "pod", "kubeconfig_file": str(kubeconfig), "namespaces": {"names": [namespace]}}
    port_name = "__meta_kubernetes_pod_container_port_name"
    keep = {"source_labels": [port_name], "regex": "db-health", "action": "keep"}
    job = {"job_name": "pods", "scrape_interval": "1s", "kubernetes_sd_configs": [discovery], "relabel_configs": [keep]}
    (folder / "prometheus.yml").write_text(json.dumps({"scrape_configs": [job]}))
    port = free_port()
    command = [
        str(program),
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    cleanup.callback(process.wait)
    cleanup.callback(process.terminate)

    def query(expression: str) -> list[dict[str, Any]]:
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", f"/api/v1/query?query={quote(expression)}")
            found: list[dict[str, Any]] = json.loads(connection.getresponse().read())["data"]["result"]
        except (OSError, ValueError):
            return []
        else:
            return found
        finally:
            connection.close()

    return query


def test_prometheus_finds_the_sidecars_port(
    release: Install,
    secret: WriteSecret,
    prometheus: Callable[[str], list[dict[str, Any]]],
) -> None:
    """Discovery of pods lists the named port of a native sidecar, and the scrape works."""
    del secret
    release(app=app(), database=DATABASE, exporter=exporter(settings=QUICK)).pod().until_ready()

    [series] = until(lambda: prometheus("dbhealth_up == 1"), within=60, what="scraped", every=0.5)
    assert series["metric"]["database"] == "app"
