"""Pods and Deployments of charts that do not know the exporter."""

from typing import Any

from tests.cluster.kube import Object
from tests.cluster.release import APPLICATION

INJECT = {"db-health-exporter/inject": "true"}
URL: Object = {
    "name": "DATABASE_URL",
    "valueFrom": {"secretKeyRef": {"name": "orders-database", "key": "DATABASE_URL"}},
}
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def container(name: str = "orders", **more: Any) -> Object:
    """A container of the test application."""
    image = f"{APPLICATION['repository']}:{APPLICATION['tag']}"
    return {"name": name, "image": image, "imagePullPolicy": "Never", "securityContext": RESTRICTED, **more}


def template(
    *containers: Object,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    **more: Any,
) -> Object:
    """A pod's metadata and specification."""
    return {
        "metadata": {"labels": {"app": "orders", **(labels or {})}, "annotations": annotations or {}},
        "spec": {"containers": list(containers), "automountServiceAccountToken": False, **more},
    }


def pod(*containers: Object, **more: Any) -> Object:
    """A pod."""
    made = template(*containers, **more)
    return {"apiVersion": "v1", "kind": "Pod", **made, "metadata": {"name": "orders", **made["metadata"]}}


def deployment(made: Object, *, name: str = "orders") -> Object:
    """A Deployment of one such pod."""
    spec = {"selector": {"matchLabels": {"app": "orders"}}, "template": made}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def injected(made: Object) -> Object | None:
    """The exporter's container in a pod, if it has one."""
    every = [*made["spec"].get("initContainers", []), *made["spec"]["containers"]]
    found = [item for item in every if item["name"] == "db-health-exporter"]
    assert len(found) < 2
    return found[0] if found else None
