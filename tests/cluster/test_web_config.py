"""TLS and passwords on the metrics' port of a real pod, whose probes go on as plain as they were."""

import time
from collections.abc import Callable

import pytest

from tests.cluster.kube import Kube, Pod
from tests.cluster.release import DATABASE, Release, app, exporter
from tests.support.certificates import Authority
from tests.support.waiting import until
from tests.support.web_config import TLS, USERS

Install = Callable[..., Release]
WriteSecret = Callable[..., None]


@pytest.fixture(autouse=True)
def _secret(secret: WriteSecret) -> None:
    """The namespace has the database's Secret."""


def write_web_config(kube: Kube, namespace: str, text: str, authority: Authority) -> None:
    """Write the Secret, or change it: the file and a new certificate beside it."""
    pair = authority.server("orders.example")
    data = {"web-config.yaml": text, "server.crt": pair.certificate.decode(), "server.key": pair.key.decode()}
    kube.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "web"}, "stringData": data}, namespace=namespace
    )


def secured_status(pod: Pod) -> int:
    """What /metrics answers by TLS without a password."""
    return pod.kube.fetch(f"/api/v1/namespaces/{pod.namespace}/pods/https:{pod.name}:9852/proxy/metrics").status


def test_probes_pass_while_metrics_need_tls_and_a_password(
    kube: Kube, namespace: str, release: Install, authority: Authority
) -> None:
    """The pod becomes and stays ready; a changed Secret is in use without a restart."""
    write_web_config(kube, namespace, TLS + USERS, authority)
    web = {"webConfigSecret": "web", "settings": {"METRICS_PORT": 9852, "READINESS": "gate", "PROBE_INTERVAL": 1}}
    pod = release(
        app=app(probes={"readiness": True, "liveness": True}), database=DATABASE, exporter=exporter(**web)
    ).pod()
    pod.until_ready()

    assert secured_status(pod) == 401
    assert pod.ask("/metrics", port=9852).status >= 400
    assert pod.ask("/metrics").status == 404
    time.sleep(12)  # each probe of the chart has run
    assert pod.ready()
    write_web_config(kube, namespace, TLS, authority)
    kube.run("annotate", "pod", "-n", namespace, pod.name, "dbhealth.test/sync=now")  # or the kubelet takes a minute
    until(lambda: secured_status(pod) == 200, within=120, what="the changed Secret is in use", every=0.5)

    assert pod.ask("/healthz").status == 200
    assert pod.ready()
    assert set(pod.restarts().values()) == {0}, pod.describe()
