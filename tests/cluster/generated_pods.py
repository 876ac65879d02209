"""Random pods as people write them: databases in every form, among everything else that pods have."""

import json
import random
from typing import Any

from tests.cluster.kube import Object
from tests.cluster.pods import INJECT, URL, container, pod


def literal(value: str, name: str = "DATABASE_URL") -> Object:
    """A variable with a value of its own."""
    return {"name": name, "value": value}


def generated(chance: random.Random, number: int) -> Object:
    """A random pod with a database in some form."""
    forms: list[list[Object]] = [
        [URL],
        [literal("postgresql://u:p@h/orders")],
        [
            literal("h", "DATABASE_HOST"),
            literal("orders", "DATABASE_NAME"),
            literal("/db/password", "DATABASE_PASSWORD_FILE"),
        ],
        [
            {"name": "HOST", "valueFrom": {"configMapKeyRef": {"name": "places", "key": "host"}}},
            literal("postgres://$(HOST)/o"),
        ],
        [literal("c", "C"), literal("$(C)-rw", "PGHOST"), literal("postgresql://u@$(PGHOST)/orders")],
        [literal("postgresql://h/orders?sslrootcert=/db/ca.pem")],
        [literal("postgresql://h/db")],
        [literal('{"orders": {"url_file": "/db/url"}}', "DATABASES")],
        [literal("mysql://h/orders")],
        [],
    ]
    names = ["orders", "web", "worker", "proxy"]
    chance.shuffle(names)
    paths = ["/db", "/db/", "/tmp", "/certs", "/etc/db-health-exporter"]
    containers, volumes = [], [{"name": chance.choice(["db", "certs", "ca", "tmp"]), "emptyDir": {}}]
    for name in names[: chance.randint(1, 3)]:
        env = [*chance.choice(forms), *(literal("x", f"V{index}") for index in range(chance.randint(0, 5)))]
        made = container(name, env=env) if chance.random() < 0.9 else container(name)
        if chance.random() < 0.5:
            made["volumeMounts"] = [{"name": volumes[0]["name"], "mountPath": chance.choice(paths)}]
        if chance.random() < 0.2:
            made["envFrom"] = [{"secretRef": {"name": "orders-database", "optional": True}}]
        if chance.random() < 0.2:
            made["readinessProbe"] = {"tcpSocket": {"port": 8000}}
        if chance.random() < 0.3:
            made["resources"] = {"requests": {"memory": "32Mi", "cpu": "10m"}, "limits": {"memory": "64Mi"}}
        if chance.random() < 0.3:
            made["ports"] = [{"name": "db-health", "containerPort": chance.choice([8000, 9850, 80])}]
        containers.append(made)
    more: dict[str, Any] = (
        {"volumes": volumes} if chance.random() < 0.5 or any(c.get("volumeMounts") for c in containers) else {}
    )
    if chance.random() < 0.3:
        more["initContainers"] = [container("migrate", args=["once"])]
    if chance.random() < 0.1:
        more["initContainers"] = [container("proxy-first", restartPolicy="Always")]
    if chance.random() < 0.1:
        more["hostNetwork"] = True
        for made in containers:
            made.pop("ports", None)
    if chance.random() < 0.1:
        more |= {"os": {"name": "windows"}}
        for made in [*containers, *more.get("initContainers", [])]:
            made.pop("securityContext", None)
    elif chance.random() < 0.3:
        more["securityContext"] = chance.choice(
            [{"runAsUser": 0}, {"runAsUser": 1000, "fsGroup": 1000}, {"runAsNonRoot": True}]
        )
    if chance.random() < 0.2:
        more["restartPolicy"] = chance.choice(["Never", "OnFailure"])
    if chance.random() < 0.2:
        more["resources"] = {"requests": {"memory": "200Mi", "cpu": "100m"}, "limits": {"memory": "400Mi"}}
    if chance.random() < 0.2:
        more["imagePullSecrets"] = [{"name": "pull"}]
    if chance.random() < 0.2:
        more["shareProcessNamespace"] = True
    annotations = {"db-health-exporter/container": chance.choice([*names, "none"])} if chance.random() < 0.3 else {}
    if chance.random() < 0.2:
        annotations["db-health-exporter/secret"] = "orders-database"
    if more.get("os") == {"name": "windows"}:  # the API server accepts neither for a Windows pod
        more.pop("shareProcessNamespace", None)
        more.pop("resources", None)
    made = pod(*containers, annotations=annotations, **more)
    made["metadata"]["name"] = f"generated-{number}"
    return made


def labelled(made: Object) -> Object:
    """The same pod with the label."""
    twin: Object = json.loads(json.dumps(made))
    twin["metadata"]["labels"] |= INJECT
    twin["metadata"]["name"] += "-labelled"
    return twin
