"""Mode app: the application's Deployment, its image, its start, and the raw maps merged into it."""

import json
from typing import Any

import pytest

from tests.chart.tools import Helm, exporter, of_kind, pod_spec, variables

DATABASE = {"existingSecret": {"name": "orders-database"}}


def values(app: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """The least that mode app needs, with more values of the application and of the chart."""
    image = {"repository": "orders", **(app or {}).pop("image", {})}
    return {"app": {"image": image, **(app or {})}, "database": DATABASE, **more}


def test_the_workload_has_the_releases_name(helm: Helm) -> None:
    """`kubectl rollout restart deployment/orders` after `helm install orders`."""
    service = {"port": 80, "service": {"enabled": True}}
    monitoring = {"podMonitor": {"enabled": True}}
    objects = helm.template(values=values(service, monitoring=monitoring), release="orders")

    names = {item["kind"]: item["metadata"]["name"] for item in objects}
    assert names == {"Deployment": "orders", "Service": "orders", "PodMonitor": "orders", "Pod": "orders-check"}


@pytest.mark.parametrize(
    ("given", "name"),
    [({"nameOverride": "api"}, "orders-api"), ({"fullnameOverride": "api"}, "api"), ({"mode": "standalone"}, None)],
)
def test_another_name_may_be_given(helm: Helm, given: dict[str, Any], name: str | None) -> None:
    """In mode standalone the exporter is not the release's application."""
    mine = values(**given) if "mode" not in given else {**given, "database": DATABASE}
    objects = helm.template(values=mine, release="orders")

    assert of_kind(objects, "Deployment")["metadata"]["name"] == (name or "orders-db-health-exporter")


def test_readiness_waits_until_the_application_listens(helm: Helm) -> None:
    """The sidecar answers /readyz before the application does; the probe restarts nothing."""
    [app] = pod_spec(helm.template(values=values({"port": 8000})))["containers"]

    assert app["startupProbe"]["tcpSocket"] == {"port": "http"}
    assert app["startupProbe"]["periodSeconds"] == 1
    assert app["startupProbe"]["failureThreshold"] >= 24 * 3600


@pytest.mark.parametrize(
    ("app", "probe"),
    [
        ({}, None),
        ({"port": 80, "probes": {"startup": False}}, None),
        ({"port": 80, "startupProbe": {"exec": {"command": ["true"]}}}, {"exec": {"command": ["true"]}}),
    ],
    ids=["no port", "not wanted", "its own"],
)
def test_the_startup_probe_can_be_another(helm: Helm, app: dict[str, Any], probe: dict[str, Any] | None) -> None:
    """Without a port there is nothing to connect to."""
    [container] = pod_spec(helm.template(values=values(dict(app))))["containers"]

    assert container.get("startupProbe") == probe


@pytest.mark.parametrize(
    ("image", "reference"),
    [
        ({}, "orders:latest"),
        ({"tag": 20260101}, "orders:20260101"),
        ({"tag": "1.10"}, "orders:1.10"),
        ({"tag": "0755"}, "orders:0755"),
        ({"registry": "r.example:5000", "tag": 7}, "r.example:5000/orders:7"),
        ({"repository": "r.example:5000/a/b_c--d", "digest": "sha256:" + "a" * 64}, None),
    ],
)
def test_the_applications_image_is_named_by_its_parts(helm: Helm, image: dict[str, Any], reference: str | None) -> None:
    """A tag may be a number, a digest counts before it."""
    [app] = pod_spec(helm.template(values=values({"image": dict(image)})))["containers"]

    assert app["image"] == (reference or f"{image['repository']}@{image['digest']}")


def test_application_and_exporter_start_anew_with_the_charts_own_secret(helm: Helm) -> None:
    """The exporter reads the Secret's file, the application a variable: only a new pod gives both the same value."""

    def annotations(url: str) -> dict[str, str]:
        objects = helm.template(values=values(database={"url": url}))
        found: dict[str, str] = of_kind(objects, "Deployment")["spec"]["template"]["metadata"]["annotations"]
        return found

    one, other = annotations("postgresql://a:b@c/d"), annotations("postgresql://a:b@c/e")
    assert one["checksum/database"] != other["checksum/database"]
    assert one == annotations("postgresql://a:b@c/d")
    theirs = of_kind(helm.template(values=values()), "Deployment")["spec"]["template"]["metadata"]["annotations"]
    assert "checksum/database" not in theirs, "a Secret of the user's is not the chart's to watch"


KEYS = {"name": "database", "user": "username"}


def test_a_secret_of_parts_serves_both(helm: Helm) -> None:
    """The keys of CloudNativePG and Crunchy by default; the password stays a file, so that a rotation arrives."""
    objects = helm.template(
        values=values(database={"fromSecret": {"name": "orders-app"}, "parameters": "sslmode=require"})
    )
    mine, theirs = variables(exporter(objects)), variables(pod_spec(objects)["containers"][0])

    parts = {"HOST": "host", "PORT": "port", "NAME": "dbname", "USER": "user"}
    expected: dict[str, Any] = {
        f"DATABASE_{part}": {"secretKeyRef": {"name": "orders-app", "key": key}} for part, key in parts.items()
    }
    expected["DATABASE_PARAMETERS"] = "sslmode=require"
    assert theirs == {**expected, "DATABASE_PASSWORD": {"secretKeyRef": {"name": "orders-app", "key": "password"}}}
    del mine["POD_IP"]
    assert mine == {**expected, "DATABASE_PASSWORD_FILE": "/etc/db-health-exporter/database/password"}
    [source] = pod_spec(objects)["volumes"][0]["projected"]["sources"]
    assert source["secret"] == {"name": "orders-app", "items": [{"key": "password", "path": "password"}]}


def test_a_secret_of_parts_may_have_other_keys(helm: Helm) -> None:
    """The keys may be those of a service binding; a missing one is left out."""
    database = {"fromSecret": {"name": "binding", "keys": {**KEYS, "port": ""}}, "fromFiles": False}
    theirs = variables(pod_spec(helm.template(values=values(database=database)))["containers"][0])

    assert theirs["DATABASE_NAME"] == {"secretKeyRef": {"name": "binding", "key": "database"}}
    assert theirs["DATABASE_USER"] == {"secretKeyRef": {"name": "binding", "key": "username"}}
    assert "DATABASE_PORT" not in theirs


def test_a_secret_of_json_is_the_exporters_file(helm: Helm) -> None:
    """AWS Secrets Manager's JSON is read like a URL; no application reads it from DATABASE_URL."""
    objects = helm.template(values=values(database={"fromSecret": {"name": "aws", "keys": {"json": "secret"}}}))

    assert variables(exporter(objects))["DATABASE_URL_FILE"] == "/etc/db-health-exporter/database/url"
    [source] = pod_spec(objects)["volumes"][0]["projected"]["sources"]
    assert source["secret"] == {"name": "aws", "items": [{"key": "secret", "path": "url"}]}
    assert variables(pod_spec(objects)["containers"][0]) == {}


def test_one_of_several_databases_may_be_a_secret_of_parts(helm: Helm) -> None:
    """The kubelet puts the parts into DATABASES, which needs each of them before it."""
    databases = {
        "or-ders": {"fromSecret": {"name": "binding", "keys": KEYS}, "expect": "primary", "parameters": "a=$(B)"},
        "reports": {"existingSecret": {"name": "reports"}},
    }
    container = exporter(helm.template(values=values(database=None, databases=databases)))
    names = [entry["name"] for entry in container["env"]]
    parts = {part: f"DATABASE_{part.upper()}_OR_DERS" for part in ("host", "port", "name", "user")}

    text: str = variables(container)["DATABASES"]
    assert all(names.index(name) < names.index("DATABASES") for name in parts.values())
    assert "a=$$(B)" in text, "the kubelet would expand it"
    for part, name in parts.items():
        text = text.replace(f"$({name})", "5432" if part == "port" else part)
    assert json.loads(text)["or-ders"] == {
        "host": "host", "port": 5432, "name": "name", "user": "user", "expect": "primary", "parameters": "a=$$(B)",
        "password_file": "/etc/db-health-exporter/database/or-ders/password",
    }  # fmt: skip


def test_raw_maps_are_merged_last(helm: Helm) -> None:
    """They add fields that the chart does not name; items of lists are merged by name, as kubectl does."""
    raw = {
        "deployment": {"strategy": {"type": "Recreate"}, "metadata": {"annotations": {"a": "1e3"}}},
        "pod": {
            "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["db"]}],
            "metadata": {"annotations": {"b": "c"}},
            "containers": [{"name": "app", "tty": True}],
        },
        "exporter": {"container": {"env": [{"name": "POD_IP", "value": "x"}], "livenessProbe": {"periodSeconds": 3}}},
    }
    app = {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}], "port": 80}
    app["container"] = {"workingDir": "/srv", "env": [{"name": "B", "value": "3"}, {"name": "C", "value": "4"}]}
    objects = helm.template(values=values(app, **raw))
    deployment, spec = of_kind(objects, "Deployment"), pod_spec(objects)

    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    assert deployment["metadata"]["annotations"] == {"a": "1e3"}
    assert deployment["spec"]["template"]["metadata"]["annotations"]["b"] == "c"
    assert spec["hostAliases"] == [{"ip": "10.0.0.1", "hostnames": ["db"]}]
    [container] = spec["containers"]
    assert (container["tty"], container["workingDir"]) == (True, "/srv")
    assert [variables(container)[name] for name in "ABC"] == ["1", "3", "4"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    probe = exporter(objects)["livenessProbe"]
    assert (probe["periodSeconds"], probe["httpGet"]["path"]) == (3, "/livez")
    assert exporter(objects)["env"][0] == {
        "name": "POD_IP", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}},
    }  # fmt: skip


def test_a_null_in_a_raw_map_removes_a_field(helm: Helm) -> None:
    """Null removes a field, as in `kubectl patch`."""
    raw = {"pod": {"containers": [{"name": "app", "securityContext": None}]}}
    [container] = pod_spec(helm.template(values=values(**raw)))["containers"]

    assert "securityContext" not in container


@pytest.mark.parametrize("mode", ["app", "standalone"])
def test_a_proxy_stands_beside_the_exporter(helm: Helm, mode: str) -> None:
    """As a native sidecar it is there before the exporter, and in the pod of `helm test`."""
    more: dict[str, Any] = {
        "extraInitContainers": [{"name": "proxy", "image": "proxy", "restartPolicy": "Always"}],
        "extraContainers": [{"name": "vault", "image": "vault"}],
    }
    objects = helm.template(values=values(**more) if mode == "app" else {"mode": mode, "database": DATABASE, **more})
    spec = pod_spec(objects)

    first, last = ([item["name"] for item in spec[key]] for key in ("initContainers", "containers"))
    assert first == (["proxy", "db-health-exporter"] if mode == "app" else ["proxy"])
    assert last == (["app", "vault"] if mode == "app" else ["db-health-exporter", "vault"])
    check = of_kind(objects, "Pod")["spec"]
    assert [item["name"] for item in check["initContainers"]] == ["proxy"]
    assert [item["name"] for item in check["containers"]] == ["check"]


def test_nothing_is_deployed_where_the_chart_is_not_enabled(helm: Helm) -> None:
    """`enabled: false` is for umbrella charts without a condition: not even the values are checked."""
    assert helm.template(values={"enabled": False, "extraObjects": [{"apiVersion": "v1", "kind": "X"}]}) == []


@pytest.mark.parametrize("secrets", [["pull", {"name": "pull"}, "other"], [{"name": "pull"}, {"name": "other"}]])
def test_pull_secrets_may_be_names_or_objects(helm: Helm, secrets: list[Any]) -> None:
    """`global.imagePullSecrets` has one form in some charts and the other in the rest."""
    more: dict[str, Any] = {"global": {"imagePullSecrets": secrets}, "imagePullSecrets": ["pull"]}
    objects = helm.template(values=values(**more))

    assert pod_spec(objects)["imagePullSecrets"] == [{"name": "pull"}, {"name": "other"}]


@pytest.mark.parametrize("port", ["09850", "9850", 9850])
def test_digits_are_decimal_numbers(helm: Helm, port: object) -> None:
    """A template's int would read 09850 as nothing and 010 as 8."""
    objects = helm.template(values=values(exporter={"settings": {"LISTEN_PORT": port}}))

    assert exporter(objects)["ports"][0]["containerPort"] == 9850
    assert pod_spec(objects)["containers"][0]["readinessProbe"]["httpGet"]["port"] == 9850
