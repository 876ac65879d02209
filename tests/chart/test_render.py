"""The objects of each mode, with both Helms."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter import __version__
from tests.chart.tools import CHART, CONSUMER, LIBRARY, Helm, exporter, of_kind, pod_spec, variables

EXAMPLES = sorted((CHART / "ci").glob("*-values.yaml"))
APP = {"app": {"image": {"repository": "orders"}}, "database": {"existingSecret": {"name": "orders-database"}}}
OURS = "ghcr.io/db-health-exporter"
SECRET = "postgresql://orders:s3cret@db/orders"


def with_exporter(**values: object) -> dict[str, object]:
    """The least that mode app needs, with values of the exporter."""
    return {**APP, "exporter": values}


@pytest.mark.parametrize("values", EXAMPLES, ids=lambda path: path.name)
def test_every_example_passes_the_strict_lint(helm: Helm, values: Path) -> None:
    """No example makes Helm's own checks complain."""
    assert "0 chart(s) failed" in helm.run("lint", "--strict", CHART, "--values", values)


def test_the_library_passes_the_strict_lint(helm: Helm) -> None:
    """The library is a chart of its own."""
    assert "0 chart(s) failed" in helm.run("lint", "--strict", LIBRARY)


@pytest.mark.parametrize("values", EXAMPLES, ids=lambda path: path.name)
def test_both_helms_render_the_same(values: Path) -> None:
    """A chart moves from one Helm to the other without a change of an object."""
    one, other = (Helm(version).template(CHART, "--values", str(values)) for version in ("helm3", "helm4"))

    key = lambda item: (item["kind"], item["metadata"]["name"])  # noqa: E731  two lines for a name would say less
    assert sorted(one, key=key) == sorted(other, key=key)


def test_the_exporter_is_a_native_sidecar_of_the_application(helm: Helm) -> None:
    """The exporter starts first and ends last: an init container that is always restarted."""
    spec = pod_spec(helm.template(values=APP))

    [sidecar] = spec["initContainers"]
    assert (sidecar["name"], sidecar["restartPolicy"]) == ("db-health-exporter", "Always")
    assert sidecar["ports"] == [{"name": "db-health", "containerPort": 9850, "protocol": "TCP"}]
    assert [container["name"] for container in spec["containers"]] == ["app"]
    assert "readinessProbe" not in sidecar, "it would count toward the pod's readiness"


def test_a_plain_container_stands_after_the_application(helm: Helm) -> None:
    """`exporter.native: false` serves clusters and tools without native sidecars."""
    spec = pod_spec(helm.template(values=with_exporter(native=False)))

    assert "initContainers" not in spec
    assert [container["name"] for container in spec["containers"]] == ["app", "db-health-exporter"]
    assert "restartPolicy" not in spec["containers"][1]


def test_the_sidecar_answers_the_applications_readiness(helm: Helm) -> None:
    """The probe has the port's number, since a named port must be the application's own; every second, two failures."""
    [app] = pod_spec(helm.template(values=with_exporter(settings={"LISTEN_PORT": 9900})))["containers"]

    probe = app["readinessProbe"]
    assert probe["httpGet"] == {"path": "/readyz", "port": 9900}
    assert (probe["periodSeconds"], probe["failureThreshold"], probe["timeoutSeconds"]) == (1, 2, 1)
    assert "livenessProbe" not in app


def test_liveness_follows_the_pool_when_asked(helm: Helm) -> None:
    """Liveness never follows the database, whose outage must not restart a fleet."""
    values = {**APP, "app": {"image": {"repository": "orders"}, "probes": {"liveness": True}}}
    [app] = pod_spec(helm.template(values=values))["containers"]

    assert app["livenessProbe"]["httpGet"] == {"path": "/app/livez", "port": 9850}


def test_the_applications_own_probes_win(helm: Helm) -> None:
    """An application that brings a probe keeps it."""
    own = {"readinessProbe": {"httpGet": {"path": "/r", "port": 1}}, "livenessProbe": {"tcpSocket": {"port": 2}}}
    values = {**APP, "app": {"image": {"repository": "orders"}, "probes": {"liveness": True}, **own}}
    [app] = pod_spec(helm.template(values=values))["containers"]

    assert {name: app[name] for name in own} == own


def test_no_probe_names_a_host(helm: Helm) -> None:
    """A probe's host would be reached from the node, not in the pod."""
    assert all('"host"' not in json.dumps(helm.template(values=values)) for values in (APP, _everything()))


def _everything() -> dict[str, object]:
    values: dict[str, object] = yaml.safe_load((CHART / "ci/app-everything-values.yaml").read_text())
    return values


def test_the_secret_is_a_file_for_the_exporter_and_a_variable_for_the_application(helm: Helm) -> None:
    """A rotated file needs no restart; applications read `DATABASE_URL`."""
    objects = helm.template(values=APP)
    spec, sidecar = pod_spec(objects), exporter(objects)

    assert variables(sidecar)["DATABASE_URL_FILE"] == "/etc/db-health-exporter/database/url"
    assert "DATABASE_URL" not in variables(sidecar)
    [mount] = sidecar["volumeMounts"]
    assert mount["readOnly"] is True
    assert "subPath" not in mount, "a subPath never sees a rotation"
    [source] = spec["volumes"][0]["projected"]["sources"]
    assert source["secret"] == {"name": "orders-database", "items": [{"key": "DATABASE_URL", "path": "url"}]}
    reference = {"secretKeyRef": {"name": "orders-database", "key": "DATABASE_URL"}}
    assert variables(spec["containers"][0]) == {"DATABASE_URL": reference}


def test_without_files_both_get_the_same_variables(helm: Helm) -> None:
    """`database.fromFiles: false` gives the exporter the application's variables."""
    database = {
        "host": "db", "name": "o$(X)", "user": "me", "passwordSecret": {"name": "pw"}, "fromFiles": False,
        "parameters": "sslmode=require",
    }  # fmt: skip
    objects = helm.template(values={**APP, "database": database})
    mine, theirs = variables(exporter(objects)), variables(pod_spec(objects)["containers"][0])

    assert theirs == {name: value for name, value in mine.items() if name != "POD_IP"}
    assert theirs["DATABASE_NAME"] == "o$$(X)", "the kubelet would expand it"
    assert theirs["DATABASE_PASSWORD"] == {"secretKeyRef": {"name": "pw", "key": "password"}}
    assert "volumes" not in pod_spec(objects)


def test_several_databases_are_read_from_files(helm: Helm) -> None:
    """`DATABASES` names each database's file, and holds no secret."""
    databases = {
        "orders": {"url": SECRET, "expect": "primary"},
        "re-ports": {"host": "::1", "name": "r", "user": "u", "passwordSecret": {"name": "pw"}, "required": False},
    }
    objects = helm.template(values={**APP, "database": {"existingSecret": {"name": ""}}, "databases": databases})

    folder = "/etc/db-health-exporter/database"
    assert json.loads(variables(exporter(objects))["DATABASES"]) == {
        "orders": {"url_file": f"{folder}/orders/url", "expect": "primary"},
        "re-ports": {
            "host": "::1", "name": "r", "user": "u", "password_file": f"{folder}/re-ports/password", "required": False,
        },
    }  # fmt: skip
    theirs = variables(pod_spec(objects)["containers"][0])
    assert set(theirs) == {
        "DATABASE_URL_orders".upper(), "DATABASE_HOST_RE_PORTS", "DATABASE_PORT_RE_PORTS", "DATABASE_NAME_RE_PORTS",
        "DATABASE_USER_RE_PORTS", "DATABASE_PASSWORD_RE_PORTS",
    }  # fmt: skip


@pytest.mark.parametrize("mode", ["app", "standalone"])
def test_a_url_in_the_values_stays_in_a_secret(helm: Helm, mode: str) -> None:
    """No label, annotation, argument or note repeats a password."""
    values = {**(APP if mode == "app" else {}), "mode": mode, "database": {"url": SECRET}}
    objects = helm.template(values=values)

    made = of_kind(objects, "Secret")
    others = [item for item in objects if item["kind"] != "Secret"]
    assert list(made["data"]) == ["DATABASE_URL"]
    assert "s3cret" not in json.dumps(others) + json.dumps(made["metadata"])
    assert made["data"]["DATABASE_URL"] not in json.dumps(others)


def test_notes_tell_how_to_see_the_first_answer_and_no_secret() -> None:
    """The notes of `helm install` lead to `/healthz`; Helm 3 needs a cluster to print them."""
    words = ("install", "orders", CHART, "--dry-run=client")
    notes = Helm("helm4").run(*words, values={**APP, "database": {"url": SECRET}}).partition("NOTES:")[2]

    assert "port-forward deployment/orders 9850" in notes
    assert "http://127.0.0.1:9850/healthz?verbose" in notes
    assert "s3cret" not in notes


@pytest.mark.parametrize("mode", ["app", "injection"])
def test_notes_lead_to_the_page_on_its_own_port(mode: str) -> None:
    """`METRICS_PORT` moves the page; `/healthz` stays."""
    values = {**(APP if mode == "app" else {"mode": mode}), "exporter": {"settings": {"METRICS_PORT": 9852}}}
    words = ("install", "orders", CHART, "--dry-run=client")
    notes = Helm("helm4").run(*words, values=values).partition("NOTES:")[2]

    assert re.search(r"port-forward deployment/\S+ 9850 9852$", notes, re.MULTILINE)
    assert "http://127.0.0.1:9850/healthz?verbose" in notes
    assert ("http://127.0.0.1:9852/\n" in notes) == (mode == "app")


def test_settings_reach_the_exporter_as_they_are_meant(helm: Helm) -> None:
    """A number stays a number, and YAML's `off` stays a word."""
    settings = {"DATABASE_POOL_RECYCLE": 604800, "HEALTH_MAX_AGE": 0.5, "READINESS": False, "DATABASE_ECHO": True}
    mine = variables(exporter(helm.template(values=with_exporter(settings=settings))))

    assert mine["DATABASE_POOL_RECYCLE"] == "604800"
    assert mine["HEALTH_MAX_AGE"] == "0.5"
    assert mine["READINESS"] == "off"
    assert mine["DATABASE_ECHO"] == "true"
    assert mine["POD_IP"] == {"fieldRef": {"fieldPath": "status.podIP"}}


@pytest.mark.parametrize(
    ("image", "reference"),
    [
        ({}, f"{OURS}/db-health-exporter:{__version__}"),
        ({"tag": "9"}, f"{OURS}/db-health-exporter:9"),
        ({"registry": "r.example/", "repository": "a/b"}, f"r.example/a/b:{__version__}"),
        ({"tag": "9", "digest": "sha256:" + "0" * 64}, f"{OURS}/db-health-exporter@sha256:" + "0" * 64),
        ({"registry": ""}, f"db-health-exporter:{__version__}"),
        ({"repository": "a/b"}, f"{OURS}/a/b:{__version__}"),
        ({"repository": "r.example/a/b"}, f"r.example/a/b:{__version__}"),
        ({"repository": "r:5000/a"}, f"r:5000/a:{__version__}"),
        ({"repository": "localhost/a"}, f"localhost/a:{__version__}"),
    ],
)
def test_an_image_is_named_by_its_parts(helm: Helm, image: dict[str, str], reference: str) -> None:
    """Registry, repository, and a digest before a tag; the tag is the chart's appVersion by default."""
    assert exporter(helm.template(values=with_exporter(image=image)))["image"] == reference


def test_a_registry_may_be_given_to_all_charts_at_once(helm: Helm) -> None:
    """`global.imageRegistry` serves where the chart's own is empty or the default."""
    values = {**APP, "global": {"imageRegistry": "all.example", "imagePullSecrets": [{"name": "pull"}]}}
    objects = helm.template(values=values)

    assert exporter(objects)["image"] == f"all.example/db-health-exporter:{__version__}"
    assert pod_spec(objects)["imagePullSecrets"] == [{"name": "pull"}]


def test_a_secret_of_all_charts_pulls_injected_images(helm: Helm) -> None:
    """`global.imagePullSecrets` is used in every mode."""
    values = {"mode": "injection", "global": {"imagePullSecrets": ["pull"]}}
    policy = of_kind(helm.template(CHART, "--kube-version", "1.36.0", values=values), "MutatingAdmissionPolicy")

    expression = policy["spec"]["mutations"][0]["jsonPatch"]["expression"]
    assert """path: '/spec/imagePullSecrets/-', value: {"name": dyn("pull")}}""" in expression


def test_the_gate_holds_the_application_back(helm: Helm) -> None:
    """The application's start waits for the database without limit, and not only for the port."""
    plain = exporter(helm.template(values=APP))["startupProbe"]
    gated = exporter(helm.template(values=with_exporter(startupGate={"enabled": True})))["startupProbe"]

    assert plain["httpGet"]["path"] == "/livez"
    assert gated["httpGet"]["path"] == "/healthz"
    assert gated["failureThreshold"] * gated["periodSeconds"] >= 24 * 3600


def test_limits_that_hold_the_requests_pass(helm: Helm) -> None:
    """Requests may be written in another unit than limits."""
    resources = {
        "limits": {"memory": 50331648, "cpu": "1e-1", "ephemeral-storage": "1Gi"},
        "requests": {"cpu": "5m", "memory": "48Mi"},
    }

    assert exporter(helm.template(values=with_exporter(resources=resources)))["resources"]["limits"]["cpu"] == "1e-1"


def test_metrics_may_have_a_port_of_their_own(helm: Helm) -> None:
    """`METRICS_PORT` makes a second port, which the PodMonitor follows; the probes stay on the first."""
    values = {**with_exporter(settings={"METRICS_PORT": 9852}), "monitoring": {"podMonitor": {"enabled": True}}}
    objects = helm.template(values=values)

    assert variables(exporter(objects))["METRICS_PORT"] == "9852"
    assert {port["name"]: port["containerPort"] for port in exporter(objects)["ports"]} == {
        "db-health": 9850,
        "db-metrics": 9852,
    }
    assert exporter(objects)["livenessProbe"]["httpGet"]["port"] == "db-health"
    assert of_kind(objects, "PodMonitor")["spec"]["podMetricsEndpoints"] == [{"port": "db-metrics", "path": "/metrics"}]


def injecting(**monitor: object) -> dict[str, object]:
    """Mode injection with a PodMonitor."""
    return {"mode": "injection", "monitoring": {"podMonitor": {"enabled": True, **monitor}}}


def pod_monitor(helm: Helm, values: dict[str, object]) -> dict[str, Any]:
    """The specification of the PodMonitor, on a cluster that can inject."""
    objects = helm.template(CHART, "--kube-version", "1.36.0", values=values)
    spec: dict[str, Any] = of_kind(objects, "PodMonitor")["spec"]
    return spec


@pytest.mark.parametrize(
    ("label", "kind", "name", "job"),
    [
        ("orders", "ReplicaSet", "web-5d4f7c9b8d", None),
        ("", "ReplicaSet", "orders-web-5d4f7c9b8d", "orders-web"),
        ("", "StatefulSet", "orders-queue", "orders-queue"),
        ("", "Job", "nightly-29345760", "nightly"),
        ("", "Job", "orders-migrate", "orders-migrate"),
        ("", "", "", None),
    ],
)
def test_each_injected_application_is_a_job_of_its_own(
    helm: Helm,
    label: str,
    kind: str,
    name: str,
    job: str | None,
) -> None:
    """The job is the label, else the workload: in one job, databases of one name would be one database."""
    spec = pod_monitor(helm, injecting())
    [rule] = spec["podMetricsEndpoints"][0]["relabelings"]

    assert spec["jobLabel"] == "app.kubernetes.io/name"
    assert rule["targetLabel"] == "job"
    meta = "__meta_kubernetes_pod_"
    assert rule["sourceLabels"] == [
        f"{meta}label_app_kubernetes_io_name", f"{meta}controller_kind", f"{meta}controller_name",
    ]  # fmt: skip
    found = re.fullmatch(rule["regex"], f"{label};{kind};{name}")  # Prometheus anchors it, and joins by semicolons
    assert rule["replacement"] == "$1$2$3"
    assert ("".join(group or "" for group in found.groups()) if found else None) == job


def test_relabelings_of_the_user_come_after_the_charts(helm: Helm) -> None:
    """They may use the job's name or set another."""
    own = {"targetLabel": "job", "replacement": "all"}
    [endpoint] = pod_monitor(helm, injecting(endpoint={"relabelings": [own]}))["podMetricsEndpoints"]

    assert len(endpoint["relabelings"]) == 2
    assert endpoint["relabelings"][-1] == own


def test_one_application_alone_keeps_the_podmonitors_name(helm: Helm) -> None:
    """Outside mode injection a PodMonitor selects one workload, and its name is the job's."""
    spec = pod_monitor(helm, {**APP, "monitoring": {"podMonitor": {"enabled": True}}})

    assert "jobLabel" not in spec
    assert "relabelings" not in spec["podMetricsEndpoints"][0]


def test_a_standalone_exporter_has_a_service_that_always_answers(helm: Helm) -> None:
    """The Service also has unready pods, whose 503 says more than a refused connection."""
    objects = helm.template(values={"mode": "standalone", "database": APP["database"]})
    service = of_kind(objects, "Service")["spec"]

    assert service["publishNotReadyAddresses"] is True
    assert service["ports"][0]["targetPort"] == "db-health"
    assert exporter(objects)["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert "restartPolicy" not in exporter(objects), "a pod needs one plain container"


def test_the_helm_test_runs_one_check_and_leaves_no_pod(helm: Helm) -> None:
    """With `hook-succeeded` alone a failed test's pod would outlive the release."""
    pod = of_kind(helm.template(values=APP), "Pod")

    [check] = pod["spec"]["containers"]
    assert check["args"] == ["check"]
    policy = pod["metadata"]["annotations"]["helm.sh/hook-delete-policy"]
    assert policy == "before-hook-creation,hook-succeeded,hook-failed"
    assert check["securityContext"] == exporter(helm.template(values=APP))["securityContext"]
    selector = of_kind(helm.template(values=APP), "Deployment")["spec"]["selector"]["matchLabels"]
    assert not selector.items() <= pod["metadata"]["labels"].items(), "no Service may send it requests"


def test_labels_of_the_user_never_change_the_selector(helm: Helm) -> None:
    """A user's label does not override a selector's."""
    values = {
        **APP,
        "podLabels": {"app.kubernetes.io/name": "x", "a": "b"},
        "commonLabels": {"app.kubernetes.io/instance": "y"},
    }
    deployment = of_kind(helm.template(values=values), "Deployment")

    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert labels["a"] == "b"


def test_an_annotation_of_the_user_stands_once(helm: Helm) -> None:
    """The user's default container wins; a duplicate key would fail at the server."""
    key = "kubectl.kubernetes.io/default-container"
    text = helm.run("template", "release", CHART, values={**APP, "podAnnotations": {key: "db-health-exporter"}})

    assert re.findall(rf"{key}: (\S+)", text) == ["db-health-exporter"]


def test_mode_app_ships_no_network_policy(helm: Helm) -> None:
    """A network policy would select the application's pod and cut it off."""
    assert all(item["kind"] != "NetworkPolicy" for item in helm.template(values=_everything()))


def test_an_autoscaler_may_own_the_number_of_pods(helm: Helm) -> None:
    """`app.replicas: null` leaves the field out."""
    values = {**APP, "app": {"image": {"repository": "orders"}, "replicas": None}}

    assert "replicas" not in of_kind(helm.template(values=values), "Deployment")["spec"]


def test_dashboards_and_rules_are_shipped_as_they_are(helm: Helm) -> None:
    """The deployed files are those that their own tools test."""
    on = {"enabled": True, "namespace": "monitoring", "labels": {"a": "b"}, "annotations": {"c": "d"}}
    names = ("podMonitor", "rules", "dashboard", "grafanaDashboard")
    objects = helm.template(values={**APP, "monitoring": dict.fromkeys(names, on)})
    files = {path.name: path for path in (CHART / "files/dashboards").glob("*.json")}

    rules = of_kind(objects, "PrometheusRule")["spec"]
    assert rules == yaml.safe_load((CHART / "files/alerts.yaml").read_text())
    shipped: dict[str, str] = {}
    for item in objects:
        shipped |= item["data"] if item["kind"] == "ConfigMap" else {}
    assert {name: json.loads(text) for name, text in shipped.items()} == {
        name: json.loads(path.read_text()) for name, path in files.items()
    }
    grafana = [json.loads(item["spec"]["json"]) for item in objects if item["kind"] == "GrafanaDashboard"]
    assert len(grafana) == len(files) > 0
    for item in objects:
        if item["metadata"]["namespace"] == "monitoring":
            assert item["metadata"]["labels"]["a"] == "b"
            assert item["metadata"]["annotations"]["c"] == "d"
    assert sum(item["metadata"]["namespace"] == "monitoring" for item in objects) == 2 + 2 * len(files)


def test_monitoring_is_off_by_default(helm: Helm) -> None:
    """A cluster without the operators' kinds would refuse the release."""
    assert {item["kind"] for item in helm.template(values=APP)} == {"Deployment", "Pod"}


def test_extra_objects_are_rendered(helm: Helm) -> None:
    """`extraObjects` adds objects without another chart."""
    extra = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-x"}}]

    made = of_kind(helm.template(values={**APP, "extraObjects": extra}), "ConfigMap")
    assert made["metadata"]["name"] == "release-x"


def test_another_chart_includes_the_library(helm: Helm) -> None:
    """The library's README in a whole chart: the sidecar, the application's probes and variables."""
    objects = helm.template(CONSUMER, values={"monitor": {"interval": "5s"}})
    spec = pod_spec(objects)

    assert [container["name"] for container in spec["initContainers"]] == ["db-health-exporter"]
    assert spec["containers"][0]["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": 9850}
    assert set(variables(spec["containers"][0])) == {"DATABASE_URL"}
    assert of_kind(objects, "PodMonitor")["spec"]["selector"]["matchLabels"] == {"app": "release"}


def test_the_librarys_readme_shows_what_the_consumer_does() -> None:
    """Every line of the README's Deployment stands in a chart that the tests install."""
    readme = (LIBRARY / "README.md").read_text()
    template = (CONSUMER / "templates/deployment.yaml").read_text()
    lines = [line.strip() for line in readme.splitlines() if "{{-" in line and "$dbHealth" in line]

    assert len(lines) == 5
    assert [line for line in lines if line not in template] == []
