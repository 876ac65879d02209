"""A real API server accepts everything that the chart can render, strictly."""

from pathlib import Path
from typing import Any

import pytest

from tests.chart.tools import CHART, CONSUMER, VERSIONS, Helm, of_kind
from tests.cluster.kube import Kube

EXAMPLES = sorted((CHART / "ci").glob("*-values.yaml"))
CLUSTER_WIDE = ("MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding")
DRY = ("--dry-run=server", "--validate=strict")


def accept(kube: Kube, objects: list[dict[str, Any]], namespace: str) -> None:
    """Let the API server validate each object, and a Deployment's pod by itself: warnings appear only there."""
    for item in objects:
        if item["kind"] not in CLUSTER_WIDE:
            item["metadata"]["namespace"] = namespace
        if item["kind"] == "ServiceAccount":
            kube.apply(item, namespace=namespace)
    bare = [
        {"apiVersion": "v1", "kind": "Pod", **item["spec"]["template"]}
        for item in objects
        if item["kind"] == "Deployment"
    ]
    for pod in bare:
        pod["metadata"] = {**pod["metadata"], "name": "bare"}
    said = kube.apply(*objects, *bare, namespace=namespace, words=DRY)
    assert "Warning" not in said.stderr, said.stderr
    assert said.stdout.count("server dry run") == len(objects) + len(bare)


@pytest.mark.parametrize("values", EXAMPLES, ids=lambda path: path.name)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.usefixtures("monitoring")
def test_every_example_is_accepted(kube: Kube, namespace: str, version: str, values: Path) -> None:
    """No unknown field, no warning, and nothing that the restricted Pod Security Standard refuses."""
    accept(kube, Helm(version).template(CHART, "--values", str(values)), namespace)


@pytest.mark.usefixtures("monitoring")
def test_all_monitoring_is_accepted(kube: Kube, namespace: str) -> None:
    """ServiceMonitor, PrometheusRule, ConfigMaps and GrafanaDashboards fit the schemas of their kinds."""
    on = {"enabled": True}
    names = ("serviceMonitor", "rules", "dashboard", "grafanaDashboard")
    values = {"mode": "standalone", "database": {"url": "postgresql://x"}, "monitoring": dict.fromkeys(names, on)}
    accept(kube, Helm("helm4").template(values=values), namespace)


@pytest.mark.usefixtures("monitoring")
def test_a_consumer_of_the_library_is_accepted(kube: Kube, namespace: str) -> None:
    """Also where the exporter is a plain container, and the lists around it are empty."""
    plain = {"database": {"url": "postgresql://x", "existingSecret": {"name": ""}}, "exporter": {"native": False}}
    accept(kube, Helm("helm3").template(CONSUMER, values={"dbHealth": plain, "monitor": {"interval": "5s"}}), namespace)


@pytest.mark.usefixtures("monitoring")
def test_an_unknown_field_would_be_found(kube: Kube, namespace: str) -> None:
    """The validation is strict, without which the tests above would prove little."""
    objects = Helm("helm4").template(values={"mode": "standalone", "database": {"url": "postgresql://x"}})
    of_kind(objects, "Deployment")["spec"]["slip"] = "x"

    with pytest.raises(RuntimeError, match="unknown field"):
        accept(kube, objects, namespace)
