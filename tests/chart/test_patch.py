"""The patch for clusters without the admission policy adds what the chart adds."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.tools import ROOT, Helm, exporter, pod_spec, variables
from tests.support.needs import need

PATCH = ROOT / "helm/patch"
CLUSTER = Path(os.environ.get("CLUSTER_HOME", Path.home() / ".cache/dbhealth-cluster"))
LABEL = {"db-health-exporter/patch": "true"}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "orders", "labels": LABEL},
    "spec": {
        "selector": {"matchLabels": {"app": "orders"}},
        "template": {
            "metadata": {"labels": {"app": "orders"}},
            "spec": {
                "initContainers": [{"name": "migrate", "image": "orders"}],
                "containers": [{"name": "orders", "image": "orders", "env": [{"name": "A", "value": "b"}]}],
            },
        },
    },
}


def kubectl(*words: str | Path) -> dict[str, Any]:
    """The result of a patch by kubectl, without a cluster."""
    [*programs] = CLUSTER.glob("bin-*/kubectl")
    need(bool(programs), "needs kubectl: tests/cluster/cluster build")
    done = subprocess.run([programs[-1], *words], capture_output=True, text=True, check=True)
    made: dict[str, Any] = yaml.safe_load(done.stdout)
    return made


@pytest.fixture(params=["kubectl patch", "kustomize"])
def patched(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """A Deployment after the patch, by each tool."""
    (tmp_path / "orders.yaml").write_text(json.dumps(DEPLOYMENT))
    if request.param == "kustomize":
        component = tmp_path / "patch"
        component.mkdir()
        for name in ("patch.yaml", "kustomization.yaml"):
            (component / name).write_text((PATCH / name).read_text())
        (tmp_path / "kustomization.yaml").write_text("resources: [orders.yaml]\ncomponents: [patch]\n")
        return kubectl("kustomize", tmp_path)
    words = ("patch", "--local", "-f", tmp_path / "orders.yaml", "--patch-file", PATCH / "patch.yaml", "-o", "yaml")
    return kubectl(*words)


def test_the_patch_adds_the_exporter_and_keeps_what_is_there(patched: dict[str, Any]) -> None:
    """Containers are merged by their names."""
    spec = patched["spec"]["template"]["spec"]

    assert {item["name"] for item in spec["initContainers"]} == {"migrate", "db-health-exporter"}
    [container] = spec["containers"]
    assert container["env"] == [{"name": "A", "value": "b"}]
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": 9850}


def test_the_patch_has_the_charts_own_container(helm: Helm) -> None:
    """A change of the chart's container is one of the patch."""
    patch = yaml.safe_load((PATCH / "patch.yaml").read_text())["spec"]["template"]["spec"]
    values = {
        "app": {"image": {"repository": "orders"}},
        "database": {"existingSecret": {"name": "orders-database"}, "fromFiles": False},
    }
    objects = helm.template(values=values)
    [mine], theirs = patch["initContainers"], exporter(objects)

    extra = {"LISTEN_PORT": "9850", "METRICS_PORT": "9850", "DATABASE_PORT": ""}
    assert variables(mine) == {**variables(theirs), **extra}
    assert {**mine, "env": None} == {**theirs, "env": None}
    [container] = patch["containers"]
    assert container["readinessProbe"] == pod_spec(objects)["containers"][0]["readinessProbe"]
