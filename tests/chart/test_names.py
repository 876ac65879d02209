"""Names, labels and keys stay texts, also those that YAML would read as another type."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chart.tools import CHART, CONSUMER, Helm, exporter, of_kind, pod_spec, variables

MODES: dict[str, dict[str, Any]] = {
    "app": {"app": {"image": {"repository": "orders"}, "port": 80}, "database": {"url": "postgresql://db/orders"}},
    "standalone": {
        "mode": "standalone",
        "database": {"url": "postgresql://db/orders"},
        "fullnameOverride": "a-service",  # whose name must begin with a letter
    },
    "injection": {"mode": "injection"},
}
# Texts that YAML reads as a number, a truth value, nothing, a time.
TRAPS = ["123", "1e3", "0755", "0x10", "true", "null"]
TEXTS = {"name", "namespace", "policyName", "serviceAccountName", "labels", "annotations", "matchLabels", "matchNames"}


def not_texts(item: Any, path: str = "", *, text: bool = False) -> Iterator[str]:
    """The paths of names, values of labels and annotations, and selectors that are no texts."""
    if isinstance(item, dict):
        for key, value in item.items():
            if not isinstance(key, str):
                yield f"{path}.{key}"
            is_text = text or key in TEXTS or (key == "selector" and "matchLabels" not in value)
            yield from not_texts(value, f"{path}.{key}", text=is_text)
    elif isinstance(item, list):
        for value in item:
            yield from not_texts(value, f"{path}[]", text=text)
    elif text and not isinstance(item, str):
        yield f"{path}: {item!r}"


def everything_named(trap: str) -> dict[str, Any]:
    """Values with every name that they can set."""
    named = {"enabled": True, "namespace": trap, "labels": {"a": trap}, "annotations": {"a": trap}}
    kinds = ("podMonitor", "rules", "dashboard", "grafanaDashboard")
    return {
        "monitoring": dict.fromkeys(kinds, named),
        "commonLabels": {"a": trap},
        "podLabels": {"b": trap},
        "podAnnotations": {"a": trap},
        "nodeSelector": {"a": trap},
        "priorityClassName": trap,
        "serviceAccount": {"create": True, "name": trap, "annotations": {"a": trap}},
        "imagePullSecrets": [{"name": trap}],
    }


@pytest.mark.parametrize("trap", TRAPS)
@pytest.mark.parametrize("mode", MODES)
def test_names_stay_texts(helm: Helm, mode: str, trap: str) -> None:
    """The API server refuses a number or a truth value for a name, and 1e3 would select pods labelled 1000."""
    words = ("--namespace", trap, "--kube-version", "1.36.0")
    given = everything_named(trap) if mode == "app" else {"monitoring": everything_named(trap)["monitoring"]}
    objects = helm.template(CHART, *words, values={**MODES[mode], **given}, release=trap)

    assert list(not_texts(objects)) == []
    if mode == "app":
        deployment = of_kind(objects, "Deployment")["spec"]
        assert deployment["selector"]["matchLabels"]["app.kubernetes.io/instance"] == trap
        assert deployment["selector"]["matchLabels"].items() <= deployment["template"]["metadata"]["labels"].items()


@pytest.mark.parametrize("trap", TRAPS)
@pytest.mark.parametrize("value", ["nameOverride", "fullnameOverride"])
def test_names_of_the_users_stay_texts(helm: Helm, value: str, trap: str) -> None:
    """A name that replaces the default stays a text."""
    monitoring = everything_named("x")["monitoring"]
    objects = helm.template(values={**MODES["app"], value: trap, "monitoring": monitoring})

    assert list(not_texts(objects)) == []


@pytest.mark.parametrize("trap", TRAPS)
def test_names_of_the_library_stay_texts(helm: Helm, trap: str) -> None:
    """Names stay texts in a chart that uses the library."""
    values = {"dbHealth": {"database": {"url": "postgresql://db/shop", "existingSecret": {"name": ""}}}}
    objects = helm.template(
        CONSUMER,
        "--namespace",
        trap,
        values={**values, "monitor": {"interval": trap}},
        release=trap,
    )

    assert list(not_texts(objects)) == []
    [endpoint] = of_kind(objects, "PodMonitor")["spec"]["podMetricsEndpoints"]
    assert endpoint["interval"] == trap


@pytest.mark.parametrize("trap", ["1e3", "0755", "1.10", "on", "null"])
@pytest.mark.parametrize(("secret", "path"), [("existingSecret", "url"), ("passwordSecret", "password")])
def test_a_secrets_name_and_key_are_the_users(helm: Helm, secret: str, path: str, trap: str) -> None:
    """With a wrong key the pod would wait for a Secret that does not exist."""
    place = {"host": "db", "name": "orders", "user": "me"} if path == "password" else {}
    database = {**place, secret: {"name": trap, "key": trap}}
    one = helm.template(values={**MODES["app"], "database": database})
    several = helm.template(values={"mode": "standalone", "databases": {"orders": database}})

    for objects in one, several:
        [source] = pod_spec(objects)["volumes"][0]["projected"]["sources"]
        assert (source["secret"]["name"], source["secret"]["items"][0]["key"]) == (trap, trap)
    theirs = variables(pod_spec(one)["containers"][0])
    assert theirs[f"DATABASE_{path.upper()}"] == {"secretKeyRef": {"name": trap, "key": trap}}
    plain = helm.template(values={**MODES["app"], "database": {**database, "fromFiles": False}})
    assert variables(exporter(plain))[f"DATABASE_{path.upper()}"] == {"secretKeyRef": {"name": trap, "key": trap}}


TWICE = """\
{{- range list .Values.dbHealth .Values.reportsHealth }}
{{- $health := dict "root" $ "values" . }}
---
{{ include "db-health-exporter.secret" $health }}
---
{{ include "db-health-exporter.podMonitor" (merge (dict "podLabels" (dict "app" "shop")) $health) }}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .exporter.image.tag | quote }}}
data:
  volumes: {{- include "db-health-exporter.volumes" $health | toYaml | nindent 4 }}
{{- end }}
"""


@pytest.mark.parametrize("release", ["orders", "o" * 53, "o" * 37 + ".cut"])
def test_one_chart_may_use_the_library_twice(helm: Helm, tmp_path: Path, release: str) -> None:
    """Each alias makes objects of its own names, and each pod mounts its own Secret, though the values be the same."""
    chart = shutil.copytree(CONSUMER, tmp_path / "shop")
    about = chart / "Chart.yaml"
    dependency = about.read_text().partition("dependencies:\n")[2]
    about.write_text(about.read_text() + dependency.replace("dbHealth", "reportsHealth"))
    for template in (chart / "templates").iterdir():
        template.unlink()
    (chart / "templates/twice.yaml").write_text(TWICE)
    (chart / "values.yaml").unlink()
    values = {"database": {"url": "postgresql://db/shop"}}
    objects = helm.template(chart, values={"dbHealth": values, "reportsHealth": values}, release=release)

    for kind in ("Secret", "PodMonitor"):
        one, other = (item["metadata"]["name"] for item in objects if item["kind"] == kind)
        assert one != other
        assert other.removesuffix("-db-health").endswith("-reports-health")
        assert max(len(one), len(other)) <= 63
        assert ".-" not in other, "a part of a name may not begin with a hyphen"
    secrets = [item["metadata"]["name"] for item in objects if item["kind"] == "Secret"]
    volumes = [item["data"]["volumes"] for item in objects if item["kind"] == "ConfigMap"]
    assert [secret in volume for secret, volume in zip(secrets, volumes, strict=True)] == [True, True]
    if release == "orders":
        assert secrets[0] == "orders-shop-db-health", "an alias that is alone changes no name"
