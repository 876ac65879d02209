"""The examples for Kubernetes, by the API server's strict validation and by kubectl's kustomize."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.tools import ROOT, Helm
from tests.cluster.kube import Kube, Pod
from tests.cluster.release import APPLICATION, EXPORTER
from tests.support.needs import need
from tests.support.postgres import Postgres
from tests.support.waiting import until

EXAMPLES = ROOT / "examples"
KINDS = Path.home() / ".cache/dbhealth-tools/kinds"
DRY = ("--dry-run=server", "--validate=strict")
IMAGES = {
    "registry.example/orders:1.2.3": f"{APPLICATION['repository']}:{APPLICATION['tag']}",
    "ghcr.io/db-health-exporter/db-health-exporter:0.1.0": f"{EXPORTER['repository']}:{EXPORTER['tag']}",
}


def objects(file: Path) -> list[dict[str, Any]]:
    """The objects of a file."""
    return [item for item in yaml.safe_load_all(file.read_text()) if item]


@pytest.fixture(scope="module")
def deployers(kube: Kube) -> Iterator[None]:
    """The kinds of Argo CD and Flux."""
    files = sorted(KINDS.glob("*.yaml"))
    need(len(files) > 3, f"needs {KINDS}: run tests/examples/install-tools")
    names = [yaml.safe_load(file.read_text())["metadata"]["name"] for file in files]
    for file in files:
        kube.run("apply", "--server-side", "-f", str(file))
    kube.run("wait", "--for=condition=Established", "crd", *names, "--timeout=30s")
    yield
    kube.run("delete", "crd", *names)


def test_plain_yaml_runs(kube: Kube, namespace: str, images: None, secret: object, database: Postgres) -> None:
    """Both pods become ready, which the exporter says; the images are the tests' own."""
    del images, secret, database
    text = (EXAMPLES / "kubernetes/orders.yaml").read_text()
    for name, ours in IMAGES.items():
        assert name in text
        text = text.replace(name, ours)
    kube.run(
        "apply",
        "-n",
        namespace,
        "-f",
        "-",
        given=text.replace("imagePullPolicy: IfNotPresent", "imagePullPolicy: Never"),
    )

    def ready() -> bool:
        found = kube.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/orders")["status"]
        return int(found.get("readyReplicas", 0)) == 2

    try:
        until(ready, within=90, what="both pods ready", every=0.5)
    except AssertionError as error:
        pods = [Pod(kube, namespace, found["metadata"]["name"]) for found in kube.pods(namespace)]
        raise AssertionError(f"{error}\n" + "\n".join(pod.describe() for pod in pods)) from error


def test_kustomize_makes_what_the_api_server_takes(kube: Kube, namespace: str) -> None:
    """With the exporter in the labelled Deployment, from the registry that is named."""
    made = kube.run("kustomize", str(EXAMPLES / "kustomize")).stdout

    [deployment] = [item for item in yaml.safe_load_all(made) if item["kind"] == "Deployment"]
    [container] = deployment["spec"]["template"]["spec"]["initContainers"]
    assert container["image"] == "registry.example/db-health-exporter:0.1.0"
    said = kube.run("apply", "-n", namespace, "-f", "-", *DRY, given=made)
    assert "Warning" not in said.stderr


@pytest.mark.usefixtures("deployers")
@pytest.mark.parametrize("name", ["argo-cd/application.yaml", "flux/release.yaml", "flux/kustomization.yaml"])
def test_deployers_take_their_objects(kube: Kube, namespace: str, name: str) -> None:
    """By the kinds of their own projects; a field that does not exist is refused."""
    for item in objects(EXAMPLES / name):
        item["metadata"]["namespace"] = namespace
        said = kube.apply(item, namespace=namespace, words=DRY)
        assert "Warning" not in said.stderr
        item["spec"]["slip"] = "x"
        with pytest.raises(RuntimeError, match="unknown field"):
            kube.apply(item, namespace=namespace, words=DRY)


def test_the_chart_takes_the_values_that_deployers_give() -> None:
    """Both render the same Deployment, and every folder that they name is there."""
    [application] = objects(EXAMPLES / "argo-cd/application.yaml")
    _, release = objects(EXAMPLES / "flux/release.yaml")
    [kustomization] = objects(EXAMPLES / "flux/kustomization.yaml")
    given = [application["spec"]["source"]["helm"]["valuesObject"], release["spec"]["values"]]

    rendered = [json.dumps(Helm("helm4").template(values=values)) for values in given]
    assert rendered[0] == rendered[1]
    paths = [
        application["spec"]["source"]["path"],
        release["spec"]["chart"]["spec"]["chart"],
        kustomization["spec"]["path"],
    ]
    assert [path for path in paths if not (ROOT / path).is_dir()] == []
    # Flux refuses an object without a namespace: its own, or that of the Kustomization.
    assert kustomization["spec"]["targetNamespace"] == release["metadata"]["namespace"]
