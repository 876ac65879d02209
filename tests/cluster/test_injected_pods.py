"""Any labelled pod is admitted as without the label, with the exporter or with the reason why it is missing."""

import json
import random
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest

from tests.cluster.generated_pods import generated, labelled, literal
from tests.cluster.kube import Kube, Object
from tests.cluster.pods import INJECT, URL, container, injected, pod
from tests.cluster.release import Release
from tests.support.postgres import Postgres

Policy = Callable[..., Release]
Admit = Callable[..., Object]
STATUS = "db-health-exporter/status"
PODS = 200
RUNNING = 20


def status(made: Object) -> str:
    """The policy's annotation on a pod: injected, or the reason why not."""
    text: str = made["metadata"]["annotations"][STATUS]
    assert (injected(made) is not None) == (text == "injected")
    return text


@pytest.fixture
def loose(kube: Kube, namespace: str) -> str:
    """The test's namespace without the restricted Pod Security Standard, which would refuse some of the pods itself."""
    kube.run("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=privileged", "--overwrite")
    return namespace


def test_names_of_volumes_never_clash(policy: Policy, admit: Admit) -> None:
    """A volume of the pod and one of the exporter may have one name, and one path."""
    certs = {"name": "certs", "configMap": {"name": "ca", "optional": True}}
    policy(exporter={"extraVolumes": [certs], "extraVolumeMounts": [{"name": "certs", "mountPath": "/certs"}]})
    own = {"name": "certs", "emptyDir": {}}
    mounts = [{"name": "certs", "mountPath": "/certs"}]
    url = literal("postgresql://h/orders?sslrootcert=/certs/ca.pem")
    made = admit(container(env=[url], volumeMounts=mounts), volumes=[own])

    assert [volume["name"] for volume in made["spec"]["volumes"]] == ["certs", "db-health-certs"]
    sidecar = injected(made)
    assert sidecar is not None
    assert sidecar["volumeMounts"] == [{"name": "db-health-certs", "mountPath": "/certs"}]
    taken = admit(container(env=[url]), volumes=[{"name": "db-health-certs", "emptyDir": {}}])
    assert status(taken) == "not injected: the pod has a volume of a name that the exporter uses"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"os": {"name": "windows"}}, "the exporter runs on Linux alone"),
        ({"nodeSelector": {"kubernetes.io/os": "windows"}}, "the exporter runs on Linux alone"),
        ({"hostNetwork": True}, "the pod uses the network of its node, where the port of the exporter may be taken"),
    ],
    ids=["Windows", "a Windows node", "the node's network"],
)
def test_pods_where_it_could_not_run_are_left_alone(
    policy: Policy,
    kube: Kube,
    loose: str,
    more: dict[str, Any],
    reason: str,
) -> None:
    """The annotation says why."""
    policy()
    plain = {"name": "orders", "image": "orders", "env": [URL]}
    made = kube.admit(pod(plain, labels=INJECT, **more), namespace=loose)

    assert status(made) == f"not injected: {reason}"
    assert "readinessProbe" not in made["spec"]["containers"][0]


@pytest.mark.parametrize("url", ["mysql://a:b@h/c", "sqlite:///x", "jdbc:postgresql://h/db", "mongodb+srv://h/x"])
def test_foreign_databases_are_left_alone(policy: Policy, admit: Admit, url: str) -> None:
    """A pod whose own text names another database is left alone; a Secret's is the exporter's `misconfigured`."""
    policy()

    assert status(admit(container(env=[literal(url)]))) == (
        "not injected: DATABASE_URL is of another database than PostgreSQL"
    )


@pytest.mark.parametrize(
    "url",
    [
        "postgres://h/o", "postgresql+psycopg_async://h/o", "POSTGRESQL://h/o", "'postgresql://h/o'", "$(SCHEME)://h/o",
        "\ufeffpostgresql://h/o", " postgresql://h/o", "", "postgis://h/o", "cockroachdb+psycopg2-binary://h/o",
    ],
)  # fmt: skip
def test_whatever_may_be_postgresql_is_injected(policy: Policy, admit: Admit, url: str) -> None:
    """The exporter itself decides, since it can tell better than a pattern."""
    policy()

    assert status(admit(container(env=[literal(url)]))) == "injected"


def test_a_pod_that_uses_the_exporters_port_is_left_alone(policy: Policy, admit: Admit) -> None:
    """Two processes cannot listen on one port."""
    policy()
    made = admit(container(env=[URL], ports=[{"containerPort": 9850}]))

    assert status(made).startswith("not injected: the pod uses port 9850 itself")


MOUNTS = [
    ("postgresql://h/orders?sslrootcert=/certs/ca.pem", "/certs", True),
    ("postgresql://h/orders?sslrootcert=/certs/ca.pem", "/certs/", True),
    ("postgresql://h/orders?sslrootcert=%2Fcerts%2Fca.pem&x=y", "/certs", True),
    ("postgresql://h/orders?sslcert=/tls/a&sslkey=/keys/b", "/keys", True),
    ("postgresql://h/orders?sslrootcert=/certs/ca.pem", "/certs/ca.pem", True),
    ("postgresql:///orders?host=/var/run/postgresql", "/var/run/postgresql", True),
    ("postgresql:///orders?host=/var/run/postgresql&port=5433", "/var/run", True),
    ("postgresql://u:p@%2Fvar%2Frun%2Fpostgresql:5432/orders", "/var/run/postgresql", True),
    ("postgresql://%2Fvar%2Frun%2Fpostgresql/orders", "/var/run/postgresql", True),
    ("postgresql://h/orders", "/orders", False),
    ("postgresql:///orders", "/orders", False),
    ("postgresql://u@/orders", "/orders", False),
    ("postgresql://h/data/x", "/data", False),
    ("postgresql://h/orders?sslrootcert=/certs2/ca.pem", "/certs", False),
    ("postgresql://h/orders?sslrootcert=/etc/certs/ca.pem", "/certs", False),
    ("postgresql://h/orders?application_name=a/b", "/b", False),
]


@pytest.mark.parametrize(("url", "path", "shared"), MOUNTS)
def test_a_volume_is_shared_where_a_file_in_it_is_named(
    policy: Policy,
    admit: Admit,
    url: str,
    path: str,
    shared: bool,
) -> None:
    """`/orders` is a database's name and shares nothing; the exporter's mounts are read-only."""
    policy()
    mounts = [{"name": "v", "mountPath": path, "mountPropagation": "HostToContainer"}]
    made = admit(container(env=[literal(url)], volumeMounts=mounts), volumes=[{"name": "v", "emptyDir": {}}])

    sidecar = injected(made)
    assert sidecar is not None
    expected = [{"name": "v", "mountPath": path, "readOnly": True}] if shared else []
    assert sidecar.get("volumeMounts", []) == expected
    assert "readOnly" not in made["spec"]["containers"][0]["volumeMounts"][0]


def test_a_mount_by_variables_brings_these_variables(policy: Policy, admit: Admit) -> None:
    """`subPathExpr` would keep the container from starting without them."""
    policy()
    name = {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    variables = [name, literal("/secrets/password", "DATABASE_PASSWORD_FILE"), literal("h", "DATABASE_HOST")]
    mounts = [{"name": "v", "mountPath": "/secrets", "subPathExpr": "$(POD_NAME)/x"}]
    sidecar = injected(admit(container(env=variables, volumeMounts=mounts), volumes=[{"name": "v", "emptyDir": {}}]))

    assert sidecar is not None
    assert sidecar["volumeMounts"] == [
        {"name": "v", "mountPath": "/secrets", "subPathExpr": "$(POD_NAME)/x", "readOnly": True}
    ]
    assert "POD_NAME" in [entry["name"] for entry in sidecar["env"]]


@pytest.mark.parametrize("depth", [1, 2, 7, 8, 9, 12, 40])
def test_references_are_followed_to_their_ends(policy: Policy, admit: Admit, depth: int) -> None:
    """Each variable may name the one before it, in the order in which the kubelet expands them."""
    policy()
    chain = [literal(f"$(V{number - 1})" if number else "h", f"V{number}") for number in range(depth)]
    variables = [literal("x", "OTHER"), *chain, literal(f"postgresql://u@$(V{depth - 1})-rw/orders")]
    sidecar = injected(admit(container(env=variables)))

    assert sidecar is not None
    assert [entry for entry in sidecar["env"] if entry in variables] == variables[1:]


def test_an_address_of_parts_is_copied_whole(policy: Policy, admit: Admit) -> None:
    """The parts are copied with the URL that is made of them."""
    policy()
    parts = [literal(name.lower(), f"DATABASE_{name}") for name in ("USER", "PASSWORD", "HOST", "NAME")]
    port = literal("5432", "DATABASE_PORT")
    text = "postgresql://$(DATABASE_USER):$(DATABASE_PASSWORD)@$(DATABASE_HOST):$(DATABASE_PORT)/$(DATABASE_NAME)"
    sidecar = injected(admit(container(env=[*parts, port, literal(text)])))

    assert sidecar is not None
    assert [entry for entry in sidecar["env"] if entry["name"].startswith("DATABASE_")][-6:] == [
        *parts,
        port,
        literal(text),
    ]


def many(kind: str) -> list[Object]:
    """500 variables of a kind, and the URL."""
    numbers = range(500)
    if kind == "plain":
        return [*(literal("x" * 60, f"SETTING_{number}") for number in numbers), URL]
    if kind == "database":
        return [*(literal("x" * 60, f"DATABASE_{number}") for number in numbers), URL]
    if kind == "referred to":
        names = [f"PART_{number}" for number in numbers]
        return [*(literal("x", name) for name in names), literal("postgresql://h/" + "".join(f"$({n})" for n in names))]
    return [*(literal(f"$(V{number - 1})", f"V{number}") for number in numbers), literal("postgresql://$(V499)/x")]


@pytest.mark.parametrize("kind", ["plain", "database", "referred to", "a chain"])
def test_500_variables_stay_within_the_policys_cost(policy: Policy, admit: Admit, kind: str) -> None:
    """A policy beyond its cost limit fails, and with `Ignore` it fails silently."""
    policy()
    variables = many(kind)
    made = admit(container(env=variables))

    assert status(made) == "injected"
    sidecar = injected(made)
    assert sidecar is not None
    copied = [entry for entry in sidecar["env"] if entry in variables]
    assert copied == (variables[-1:] if kind == "plain" else variables)


def test_too_many_variables_are_named_as_the_reason(policy: Policy, admit: Admit) -> None:
    """The annotation says why there is no exporter."""
    policy()
    made = admit(container(env=[*(literal("x", f"SETTING_{number}") for number in range(1000)), URL]))

    assert status(made) == "not injected: container orders has more than 1000 variables"


def test_maps_of_texts_arrive_as_they_are(policy: Policy, admit: Admit) -> None:
    """Keys may have dots and slashes or be reserved words of CEL; values may look like numbers."""
    volumes: list[Object] = [
        {
            "name": "csi",
            "csi": {
                "driver": "secrets-store.csi.k8s.io",
                "readOnly": True,
                "volumeAttributes": {"secretProviderClass": "db", "example.org/in": "true", "1.5": "0755"},
            },
        },
        {
            "name": "ca",
            "projected": {
                "sources": [
                    {
                        "clusterTrustBundle": {
                            "labelSelector": {"matchLabels": {"example.org/namespace": "1e3"}},
                            "signerName": "example.org/ca",
                            "path": "ca.pem",
                            "optional": True,
                        },
                    },
                ],
            },
        },
    ]
    policy(
        exporter={"extraVolumes": volumes, "extraEnv": [{"name": "TEXT", "value": 'a "b" \\ \n \u00e9 $$(C) \u2028'}]}
    )
    made = admit(container(env=[URL]))

    arrived = {volume["name"]: volume for volume in made["spec"]["volumes"]}
    assert arrived["db-health-csi"]["csi"] == volumes[0]["csi"]
    [source] = arrived["db-health-ca"]["projected"]["sources"]
    assert source == volumes[1]["projected"]["sources"][0]
    sidecar = injected(made)
    assert sidecar is not None
    assert {"name": "TEXT", "value": 'a "b" \\ \n \u00e9 $$(C) \u2028'} in sidecar["env"]


def test_a_pod_that_runs_as_root_gets_an_exporter_with_its_own_user(policy: Policy, kube: Kube, loose: str) -> None:
    """With the pod's user the kubelet would refuse to start it: runAsNonRoot."""
    policy()
    plain = {"name": "orders", "image": "orders", "env": [URL]}
    root = injected(kube.admit(pod(plain, labels=INJECT, securityContext={"runAsUser": 0}), namespace=loose))
    other = injected(kube.admit(pod(plain, labels=INJECT, securityContext={"runAsUser": 1000}), namespace=loose))

    assert root is not None
    assert other is not None
    assert root["securityContext"]["runAsUser"] == 65532
    assert "runAsUser" not in other["securityContext"]


def test_pod_level_resources_leave_room_for_the_exporter(policy: Policy, admit: Admit) -> None:
    """The containers' requests must fit into those of the pod."""
    policy()
    whole = {"requests": {"memory": "64Mi", "cpu": "10m"}, "limits": {"memory": "64Mi"}}
    made = admit(container(env=[URL], resources={"requests": {"memory": "60Mi"}}), resources=whole)

    assert status(made) == "injected"


LIMITED = {"limits": {"cpu": "1", "memory": "64Mi", "ephemeral-storage": "1Gi"}}


@pytest.mark.parametrize("own", [{}, {"limits": None}, {"limits": {"cpu": "2"}}], ids=["default", "none", "cpu"])
def test_limits_that_all_containers_have_are_the_exporters_too(
    policy: Policy, admit: Admit, own: dict[str, Any]
) -> None:
    """A ResourceQuota of limits refuses a pod with one container that has none."""
    policy(exporter={"resources": own})
    limited = injected(admit(container(env=[URL], resources=LIMITED)))
    free = injected(admit(container(env=[URL], resources={"limits": {"memory": "64Mi"}})))

    assert limited is not None
    assert free is not None
    cpu = own.get("limits") or {}
    assert limited["resources"]["limits"] | {"memory": ""} == {
        "cpu": cpu.get("cpu", "250m"), "ephemeral-storage": "100Mi", "memory": "",
    }  # fmt: skip
    assert "ephemeral-storage" not in free["resources"].get("limits", {})
    assert free["resources"].get("limits", {}).get("cpu") == cpu.get("cpu")


def test_a_quota_admits_an_injected_pod(policy: Policy, kube: Kube, namespace: str) -> None:
    """As it admits the pod without the label."""
    policy()
    quota = {"kind": "ResourceQuota", "apiVersion": "v1", "metadata": {"name": "limits"}, "spec": {"hard": {
        "limits.cpu": "4", "limits.memory": "4Gi", "limits.ephemeral-storage": "4Gi", "requests.cpu": "4",
        "requests.memory": "4Gi", "requests.ephemeral-storage": "4Gi",
    }}}  # fmt: skip
    kube.apply(quota, namespace=namespace)
    plain = pod(container("orders", env=[URL], resources=LIMITED))

    kube.admit(plain, namespace=namespace)
    assert injected(kube.admit(labelled(plain), namespace=namespace)) is not None


def test_settings_in_an_applications_secret_do_not_reach_the_exporter(policy: Policy, admit: Admit) -> None:
    """The annotated Secret's keys become variables, and LOG_LEVEL=TRACE is meant for the application."""
    policy(exporter={"settings": {"PROBE_INTERVAL": 7}})
    sidecar = injected(admit(container(), annotations={"db-health-exporter/secret": "orders-database"}))

    assert sidecar is not None
    given = {entry["name"]: entry.get("value") for entry in sidecar["env"]}
    assert len(given) == len(sidecar["env"])
    assert (given["LOG_LEVEL"], given["READINESS"], given["PROBE_INTERVAL"]) == (None, None, "7") or (
        (given["LOG_LEVEL"], given["READINESS"], given["PROBE_INTERVAL"]) == ("", "", "7")
    )
    assert not [name for name in given if name.startswith("DATABASE_") and not given[name]]


EVERYTHING: dict[str, Any] = {
    "app": {"probes": {"liveness": True}},
    "imagePullSecrets": ["pull", "other"],
    "exporter": {
        "extraVolumes": [
            {"name": "ca", "configMap": {"name": "ca", "optional": True}},
            {"name": "certs", "secret": {"secretName": "certs", "optional": True}},
        ],
        "extraVolumeMounts": [{"name": "ca", "mountPath": "/certs"}, {"name": "certs", "mountPath": "/db-certs"}],
    },
}


def documents(text: str) -> Iterator[Object]:
    """The JSON documents that kubectl prints one after the other."""
    decoder, place = json.JSONDecoder(), 0
    while place < len(text.rstrip()):
        made, place = decoder.raw_decode(text, place + len(text[place:]) - len(text[place:].lstrip()))
        yield made


@pytest.mark.parametrize("values", [{}, EVERYTHING, {"exporter": {"native": False}}], ids=["", "everything", "plain"])
def test_200_pods_are_admitted_as_without_the_label(
    policy: Policy,
    kube: Kube,
    loose: str,
    values: dict[str, Any],
) -> None:
    """The API server's own validation accepts every pod that the policy has changed."""
    policy(**json.loads(json.dumps(values)))
    chance = random.Random(20)
    pods = [generated(chance, number) for number in range(PODS)]
    pods = [twin for twin in pods for twin in (twin, labelled(twin))]
    words = ("create", "-n", loose, "-f", "-", "--dry-run=server", "-o", "json")
    document = json.dumps({"apiVersion": "v1", "kind": "List", "items": pods})
    done = kube.run(*words, given=document, check=False)

    assert "Error" not in done.stderr, done.stderr[:2000]
    admitted = {item["metadata"]["name"]: item for item in documents(done.stdout)}
    assert len(admitted) == len(pods)
    kinds = {status(made).partition(":")[0] for name, made in admitted.items() if name.endswith("-labelled")}
    assert kinds == {"injected", "not injected"}
    assert sum(injected(made) is not None for made in admitted.values()) > PODS / 3


FORMS: dict[str, Callable[[str], Object]] = {
    "a Secret": lambda url: container(env=[URL]),  # noqa: ARG005  it knows its place
    "a text": lambda url: container(env=[literal(url)]),
    "another database": lambda url: container(env=[literal("mysql://h/orders")]),  # noqa: ARG005  not PostgreSQL
    "none": lambda url: container(),  # noqa: ARG005  no database at all
    "references": lambda url: container(env=[literal(url, "A"), literal("$(A)", "B"), literal("$(B)")]),
}
SHAPES: dict[str, dict[str, Any]] = {
    "plain": {},
    "an init container first": {"initContainers": [container("migrate", args=["once"])]},
    "root": {"securityContext": {"runAsUser": 0}},
    "resources as a whole": {
        "resources": {"requests": {"memory": "200Mi", "cpu": "10m"}, "limits": {"memory": "400Mi"}}
    },
}


def test_20_pods_become_ready_with_and_without_the_label(
    policy: Policy,
    kube: Kube,
    loose: str,
    secret: Callable[..., None],
    database: Postgres,
) -> None:
    """The kubelet starts both pods of each pair, and both become ready."""
    del secret
    policy()
    idle = {"command": ["python", "-c", "import time; time.sleep(3600)"]}
    pods = []
    for number, (form, shape) in enumerate(product(FORMS.values(), SHAPES.values())):
        root: Object = {"securityContext": {}} if "securityContext" in shape else {}
        made = pod({**form(database.url()), **idle, **root}, **json.loads(json.dumps(shape)))
        made["metadata"]["name"] = f"twin-{number}"
        pods.append(made)
    assert len(pods) == RUNNING
    for batch in (pods[:10], pods[10:]):
        twins = [twin for made in batch for twin in (made, labelled(made))]
        kube.apply(*twins, namespace=loose)
        names = [twin["metadata"]["name"] for twin in twins]
        kube.run("wait", "-n", loose, "--for=condition=Ready", "pod", *names, "--timeout=100s")
        found = {item["metadata"]["name"]: item for item in kube.pods(loose)}
        assert sum(injected(found[name]) is not None for name in names) > len(batch) / 3
        kube.run("delete", "pod", "-n", loose, *names, "--wait=false", "--grace-period=0", "--force")
