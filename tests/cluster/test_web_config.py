"""TLS and passwords on the metrics' port of a real pod, whose probes go on as plain as they were."""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.kube import Kube, Pod
from tests.cluster.release import DATABASE, Release, app, exporter
from tests.support.certificates import Authority
from tests.support.waiting import until
from tests.support.web_config import CREDENTIALS, TLS, USERS

Install = Callable[..., Release]
WriteSecret = Callable[..., None]


@pytest.fixture(autouse=True)
def _secret(secret: WriteSecret) -> None:
    """The namespace has the database's Secret."""


SWAPS = 60
SCRAPER = Path(__file__).with_name("scraper.py")


def write_web_config(kube: Kube, namespace: str, text: str, authority: Authority) -> None:
    """Write the Secret, or change it: the file and a new certificate beside it."""
    pair = authority.server("orders.example")
    data = {"web-config.yaml": text, "server.crt": pair.certificate.decode(), "server.key": pair.key.decode()}
    kube.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "web"}, "stringData": data}, namespace=namespace
    )


def renew(kube: Kube, pod: Pod, authority: Authority, number: int) -> None:
    """Change the Secret's certificate, and have the kubelet look at once: by itself it takes about a minute."""
    pair = authority.server("orders.example")
    data = {"server.crt": pair.certificate.decode(), "server.key": pair.key.decode()}
    kube.change(f"/api/v1/namespaces/{pod.namespace}/secrets/web", {"stringData": data})
    kube.change(pod.path, {"metadata": {"annotations": {"dbhealth.test/sync": str(number)}}})


class Scraper:
    """Scrapes the metrics' port from another container of the pod, verifying each certificate, until it is stopped."""

    def __init__(self, pod: Pod, authority: Authority) -> None:
        """Start it."""
        words = ("exec", "-i", "-n", pod.namespace, pod.name, "-c", "app", "--", "python3", "-c")
        self._process = subprocess.Popen(
            [*pod.kube.kubectl, *words, SCRAPER.read_text()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        given = {
            "host": pod.look()["status"]["podIP"],
            "port": 9852,
            "name": "orders.example",
            "root": authority.certificate.decode(),
            "credentials": CREDENTIALS,
        }
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(given) + "\n")
        self._process.stdin.flush()

    def stop(self) -> dict[str, Any]:
        """End it; what it saw."""
        seen, _ = self._process.communicate("stop\n", timeout=60)
        found: dict[str, Any] = json.loads(seen)
        return found


def failed_probes(pod: Pod) -> int:
    """How many probes of the kubelet have failed, by the pod's events."""
    found = pod.kube.get(f"/api/v1/namespaces/{pod.namespace}/events")["items"]
    return sum(
        each.get("count") or 1
        for each in found
        if each["reason"] == "Unhealthy" and each["involvedObject"]["name"] == pod.name
    )


def secured_status(pod: Pod) -> int:
    """What /metrics answers by TLS without a password."""
    return pod.kube.fetch(f"/api/v1/namespaces/{pod.namespace}/pods/https:{pod.name}:9852/proxy/metrics").status


@pytest.fixture
def pod(kube: Kube, namespace: str, release: Install, authority: Authority) -> Pod:
    """A ready pod whose metrics' port has TLS and passwords."""
    write_web_config(kube, namespace, TLS + USERS, authority)
    web = {"webConfigSecret": "web", "settings": {"METRICS_PORT": 9852, "READINESS": "gate", "PROBE_INTERVAL": 1}}
    made = release(
        app=app(probes={"readiness": True, "liveness": True}), database=DATABASE, exporter=exporter(**web)
    ).pod()
    made.until_ready()
    return made


def test_probes_pass_while_metrics_need_tls_and_a_password(
    kube: Kube, namespace: str, pod: Pod, authority: Authority
) -> None:
    """The pod becomes and stays ready; a changed Secret is in use without a restart."""
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


@pytest.mark.extended
def test_no_scrape_and_no_probe_fails_while_the_secrets_certificate_changes_every_second(
    kube: Kube, pod: Pod, authority: Authority
) -> None:
    """For a minute, by the kubelet's own swap of the volume; connections are kept or made anew."""
    failed_before = failed_probes(pod)
    scraper = Scraper(pod, authority)
    began = time.monotonic()
    for number in range(SWAPS):
        renew(kube, pod, authority, number)
        assert pod.ask("/healthz").status == 200
        assert pod.ready()
        time.sleep(max(0.0, began + number + 1 - time.monotonic()))
    seen = scraper.stop()

    print(f"{seen['rounds']} scrapes on a kept connection and as many on new ones, {seen['certificates']} certificates")
    assert seen["failures"] == []
    assert seen["rounds"] >= SWAPS
    assert seen["certificates"] >= SWAPS / 6  # the kubelet may take two changes as one
    assert failed_probes(pod) == failed_before, pod.describe()
    assert set(pod.restarts().values()) == {0}, pod.describe()
