"""Mode injection: the API server puts the exporter into labelled pods, with no webhook."""

import json
from collections.abc import Callable

import pytest

from tests.cluster.kube import Kube, Object
from tests.cluster.pods import INJECT, URL, container, deployment, injected, pod, template
from tests.cluster.release import Release, exporter
from tests.support.waiting import until

STATUS = "db-health-exporter/status"


def names(made: Object) -> list[str]:
    """The names of the exporter's variables."""
    found = injected(made)
    assert found is not None
    return [entry["name"] for entry in found["env"]]


def test_a_labelled_deployment_gets_the_exporter_and_becomes_ready(
    policy: Callable[..., Release],
    kube: Kube,
    namespace: str,
    secret: Callable[..., None],
) -> None:
    """Same references, healthy and ready; an existing init container and its order stay; uninstalling removes all."""
    del secret
    release = policy()
    links = {"selector": {"app": "none"}, "ports": [{"port": 5432}]}
    kube.apply(
        # Every pod gets the Service's address as DATABASE_PORT=tcp://…, which is no port.
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "database"}, "spec": links},
        namespace=namespace,
    )
    first = container("migrate", args=["once"])
    kube.apply(deployment(template(container(env=[URL]), labels=INJECT, initContainers=[first])), namespace=namespace)
    made = kube.pod(namespace, "app=orders")
    made.until_ready()

    look = made.look()
    sidecar = injected(look)
    assert sidecar is not None
    assert [item["name"] for item in look["spec"]["initContainers"]] == ["migrate", "db-health-exporter"]
    assert URL in sidecar["env"]
    assert look["spec"]["containers"][0]["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert look["metadata"]["annotations"][STATUS] == "injected"
    assert made.ask("/healthz").status == 200

    again = {"apiVersion": "v1", "kind": "Pod", "metadata": look["metadata"] | {"name": "again"}, "spec": look["spec"]}
    for field in ("resourceVersion", "uid", "generateName", "ownerReferences", "creationTimestamp", "managedFields"):
        again["metadata"].pop(field, None)
    again["spec"].pop("nodeName")
    assert kube.admit(again, namespace=namespace)["spec"]["initContainers"] == look["spec"]["initContainers"]

    release.uninstall()
    label = "app.kubernetes.io%2Finstance%3Dinject"
    for kind in ("mutatingadmissionpolicies", "mutatingadmissionpolicybindings"):
        assert kube.get(f"/apis/admissionregistration.k8s.io/v1/{kind}?labelSelector={label}")["items"] == []
    sample = pod(container(env=[URL]), labels=INJECT)
    until(lambda: not injected(kube.admit(sample, namespace=namespace)), within=30, what="the policy gone", every=0.3)


def test_references_and_probes_of_the_application_are_kept(
    policy: Callable[..., Release],
    admit: Callable[..., Object],
) -> None:
    """References stay references, its probe stays; only the variables and volumes that are needed are copied."""
    policy(exporter={"settings": {"DATABASE_EXPECT": "primary", "PROBE_INTERVAL": 3600}})
    probe = {"httpGet": {"path": "/own", "port": 8000}}
    variables: list[Object] = [
        {"name": "UNRELATED", "value": "x"},
        {"name": "DB_HOST", "valueFrom": {"configMapKeyRef": {"name": "places", "key": "host"}}},
        {"name": "DATABASE_HOST", "value": "$(DB_HOST)"},
        {"name": "DATABASE_PASSWORD_FILE", "value": "/secrets/db/password"},
        {"name": "DATABASE_POOL_SIZE", "value": "50"},
        {"name": "DATABASE_EXPECT", "value": "replica"},
    ]
    mounts = [
        {"name": "db", "mountPath": "/secrets/db", "readOnly": True},
        {"name": "scratch", "mountPath": "/scratch"},
    ]
    volumes = [{"name": "db", "secret": {"secretName": "s"}}, {"name": "scratch", "emptyDir": {}}]
    made = admit(container(env=variables, volumeMounts=mounts, readinessProbe=probe), volumes=volumes)

    sidecar = injected(made)
    assert sidecar is not None
    given = {entry["name"]: entry for entry in sidecar["env"]}
    assert len(given) == len(sidecar["env"]), "no name twice"
    for entry in variables[1:4]:
        assert given[entry["name"]] == entry
    assert list(given).index("DB_HOST") < list(given).index("DATABASE_HOST"), "the kubelet expands in order"
    assert "UNRELATED" not in given
    assert given["DATABASE_POOL_SIZE"]["value"] == "5", "50 connections are the application's, not the exporter's"
    assert given["DATABASE_EXPECT"]["value"] == "primary"
    assert given["PROBE_INTERVAL"]["value"] == "3600"
    assert [mount["mountPath"] for mount in sidecar["volumeMounts"]] == ["/secrets/db"]
    assert made["spec"]["containers"][0]["readinessProbe"]["httpGet"]["path"] == "/own"
    assert made["spec"]["containers"][0]["env"] == variables


def test_annotations_choose_the_container_and_add_a_secret(
    policy: Callable[..., Release],
    admit: Callable[..., Object],
) -> None:
    """`container` names the container to copy from, `secret` adds a Secret that the application has by `envFrom`."""
    policy()
    second = {"db-health-exporter/container": "web"}
    from_secret = {"db-health-exporter/secret": "orders-database"}
    chosen = admit(container("proxy"), container("web", env=[URL]), annotations=second)
    added = injected(admit(container(), annotations=from_secret))

    assert "DATABASE_URL" in names(chosen)
    assert "readinessProbe" not in chosen["spec"]["containers"][0]
    assert chosen["spec"]["containers"][1]["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert added is not None
    assert added["envFrom"] == [{"secretRef": {"name": "orders-database"}}]


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (
            pod(container(env=[URL]), labels=INJECT, annotations={"db-health-exporter/container": "wbe"}),
            "not injected: the pod has no container wbe",
        ),
        (pod(container(), labels=INJECT), "not injected: container orders has neither DATABASE_URL nor DATABASE_HOST"),
    ],
    ids=["an unknown container", "no database"],
)
def test_a_pod_without_a_database_starts_unchanged_with_the_reason(
    policy: Callable[..., Release],
    kube: Kube,
    namespace: str,
    made: Object,
    reason: str,
) -> None:
    """An exporter without a database would keep the application from starting."""
    policy()
    stored = kube.admit(made, namespace=namespace)

    assert injected(stored) is None
    assert stored["metadata"]["annotations"][STATUS].startswith(reason)


def test_unlabelled_pods_are_left_alone(
    policy: Callable[..., Release], admit: Callable[..., Object], kube: Kube
) -> None:
    """Pods without the label, and those of kube-system, stay unchanged."""
    release = policy()
    assert injected(admit(container(env=[URL]), labels={})) is None
    assert injected(admit(container(env=[URL]), labels={"db-health-exporter/inject": "false"})) is None

    release.upgrade(values={"mode": "injection", "exporter": exporter()})  # every namespace but kube-system
    sample = pod(container(env=[URL]), labels=INJECT)
    until(lambda: injected(kube.admit(sample, namespace="default")), within=30, what="in every namespace", every=0.3)
    assert injected(kube.admit(sample, namespace="kube-system")) is None


def test_a_failing_policy_never_blocks_a_pod(
    policy: Callable[..., Release],
    kube: Kube,
    namespace: str,
    admit: Callable[..., Object],
) -> None:
    """With `Ignore` a pod starts without the exporter when an expression fails."""
    policy()
    name = f"inject-db-health-exporter.{namespace}"
    variables = kube.get(f"/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies/{name}")["spec"]["variables"]
    [place] = [number for number, entry in enumerate(variables) if entry["name"] == "index"]
    broken = [{"op": "replace", "path": f"/spec/variables/{place}/expression", "value": "int(object.metadata.name)"}]
    kube.run("patch", "mutatingadmissionpolicy", name, "--type", "json", "-p", json.dumps(broken))

    until(lambda: not injected(admit(container(env=[URL]))), within=30, what="admitted without the exporter", every=0.3)


def test_a_plain_container_can_be_injected_with_everything(
    policy: Callable[..., Release],
    admit: Callable[..., Object],
) -> None:
    """`native: false`, volumes and pull secrets arrive in the pod."""
    policy(
        app={"probes": {"liveness": True}},
        imagePullSecrets=[{"name": "pull"}],
        exporter={
            "native": False,
            "extraVolumes": [{"name": "ca", "configMap": {"name": "ca", "optional": True}}],
            "extraVolumeMounts": [{"name": "ca", "mountPath": "/ca"}],
        },
    )
    made = admit(container(env=[URL]))

    assert [item["name"] for item in made["spec"]["containers"]] == ["orders", "db-health-exporter"]
    assert "db-health-ca" in {volume["name"] for volume in made["spec"]["volumes"]}
    assert {"name": "pull"} in made["spec"]["imagePullSecrets"]
    assert made["spec"]["containers"][0]["livenessProbe"]["httpGet"]["path"] == "/app/livez"
