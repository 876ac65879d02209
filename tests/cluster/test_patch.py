"""The patch for clusters without the admission policy, on a kubelet; and a Secret as another tool writes it."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.chart.tools import ROOT
from tests.cluster.kube import Kube, Object, Pod
from tests.cluster.pods import URL, container, deployment, injected, template
from tests.cluster.release import EXPORTER, Release, exporter
from tests.support.postgres import PASSWORD, Postgres
from tests.support.waiting import until

PATCH = ROOT / "helm/patch"
TEXT = (PATCH / "patch.yaml").read_text()
[PUBLISHED] = re.findall(r"image: (\S+)", TEXT)
IMAGE = {"name": PUBLISHED.rpartition(":")[0], "newName": EXPORTER["repository"], "newTag": EXPORTER["tag"]}


def apply_by_kubectl(kube: Kube, namespace: str, made: Object, folder: Path) -> None:
    """Patch the Deployment that runs, with the image set as the page says."""
    kube.apply(made, namespace=namespace)
    kube.pod(namespace, "app=orders").until_ready()
    patch = folder / "patch.yaml"
    patch.write_text(TEXT.replace(PUBLISHED, f"{IMAGE['newName']}:{IMAGE['newTag']}"))
    kube.run("patch", "deployment", "orders", "-n", namespace, "--patch-file", str(patch))


def apply_by_kustomize(kube: Kube, namespace: str, made: Object, folder: Path) -> None:
    """Apply a kustomization with the component, and the label that it selects by."""
    made["metadata"]["labels"] = {"db-health-exporter/patch": "true"}
    component = folder / "patch"
    component.mkdir()
    for name in ("patch.yaml", "kustomization.yaml"):
        (component / name).write_text((PATCH / name).read_text())
    (folder / "orders.yaml").write_text(json.dumps(made))
    kustomization = {"resources": ["orders.yaml"], "components": ["patch"], "images": [IMAGE]}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    kube.run("apply", "-n", namespace, "-k", str(folder))


@pytest.mark.parametrize("apply", [apply_by_kubectl, apply_by_kustomize])
@pytest.mark.usefixtures("images")
def test_a_patched_deployment_becomes_ready(
    kube: Kube,
    namespace: str,
    database: Postgres,
    secret: Callable[..., None],
    tmp_path: Path,
    apply: Callable[[Kube, str, Object, Path], None],
) -> None:
    """The exporter starts first, answers the application's readiness, and follows the database; nothing restarts."""
    del secret
    first = container("migrate", args=["once"])
    apply(kube, namespace, deployment(template(container(env=[URL]), initContainers=[first])), tmp_path)

    def patched() -> list[str]:
        return [made["metadata"]["name"] for made in kube.pods(namespace, "app=orders") if injected(made)]

    [name] = until(patched, within=60, what="a pod with the exporter", every=0.3)
    pod = Pod(kube, namespace, name)
    pod.until_ready()
    assert pod.ask("/healthz").status == 200
    spec = pod.look()["spec"]
    assert {item["name"] for item in spec["initContainers"]} == {"migrate", "db-health-exporter"}
    assert spec["containers"][0]["env"] == [URL]

    database.stop()
    pod.until_page("/healthz", 503)
    database.start()
    pod.until_page("/healthz", 200)
    assert set(pod.restarts().values()) == {0}


def test_a_secret_as_external_secrets_copies_it(
    release: Callable[..., Release], kube: Kube, namespace: str, database: Postgres
) -> None:
    """AWS Secrets Manager's JSON under one key, and its rotation, without a restart."""

    def write(password: str) -> None:
        document = {"engine": "postgres", "host": database.host, "port": database.port, "dbname": "app"}
        text = json.dumps({**document, "username": "app", "password": password})
        made = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "orders"}, "stringData": {"secret": text}}
        kube.apply(made, namespace=namespace)

    write(PASSWORD)
    source = {"fromSecret": {"name": "orders", "keys": {"json": "secret"}}}
    settings = {"PROBE_INTERVAL": 1, "FRESH_PROBE_INTERVAL": 1}
    pod = release(mode="standalone", database=source, exporter=exporter(settings=settings)).pod()
    pod.until_ready()
    assert pod.ask("/healthz").status == 200

    database.sql("ALTER ROLE app PASSWORD 'another'")
    database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'")
    pod.until_page("/healthz", 503)
    write("another")
    kube.run("annotate", "pod", "-n", namespace, pod.name, "dbhealth/rotated=now")  # the kubelet looks again at once
    pod.until_page("/healthz", 200)
    assert set(pod.restarts().values()) == {0}
