"""`exporter.webConfigSecret`: TLS and passwords on the metrics' port, in every mode."""

from typing import Any

import pytest

from tests.chart.tools import CHART, Helm, exporter, of_kind, pod_spec, variables

APP: dict[str, Any] = {
    "app": {"image": {"repository": "orders"}},
    "database": {"existingSecret": {"name": "orders"}},
}
WEB: dict[str, Any] = {"webConfigSecret": "web", "settings": {"METRICS_PORT": 9852}}
FILE = "/etc/db-health-exporter/web/web-config.yaml"
DATABASE = {"database": {"existingSecret": {"name": "orders"}}}


@pytest.mark.parametrize("values", [APP, {"mode": "standalone", **DATABASE}], ids=["app", "standalone"])
def test_the_secret_is_mounted_whole_and_named(helm: Helm, values: dict[str, Any]) -> None:
    """A directory, so that a changed Secret arrives; the probes stay on the plain port."""
    objects = helm.template(values={**values, "exporter": WEB})
    container = exporter(objects)

    assert variables(container)["WEB_CONFIG_FILE"] == FILE
    assert {"name": "db-health-web-config", "secret": {"secretName": "web"}} in pod_spec(objects)["volumes"]
    (mount,) = [each for each in container["volumeMounts"] if each["name"] == "db-health-web-config"]
    assert mount == {"name": "db-health-web-config", "mountPath": "/etc/db-health-exporter/web", "readOnly": True}
    assert {container[probe]["httpGet"]["port"] for probe in ("startupProbe", "livenessProbe")} == {"db-health"}
    assert not any("scheme" in container[probe]["httpGet"] for probe in ("startupProbe", "livenessProbe"))


def test_without_it_nothing_is_mounted(helm: Helm) -> None:
    """No variable and no volume."""
    objects = helm.template(values=APP)

    assert "WEB_CONFIG_FILE" not in variables(exporter(objects))
    assert "db-health-web-config" not in str(objects)


@pytest.mark.parametrize("settings", [{}, {"METRICS_PORT": 9850}])
def test_it_needs_a_port_beside_the_probes(helm: Helm, settings: dict[str, int]) -> None:
    """The sentence says which setting to set."""
    refusal = helm.refusal({**APP, "exporter": {"webConfigSecret": "web", "settings": settings}})

    assert "set exporter.settings.METRICS_PORT, such as 9852" in refusal


def test_a_mount_over_it_is_refused(helm: Helm) -> None:
    """And a volume of its name."""
    volume = {"name": "certs", "emptyDir": {}}
    mounts = [{"name": "certs", "mountPath": "/etc/db-health-exporter/web"}]
    over = helm.refusal({**APP, "exporter": {**WEB, "extraVolumes": [volume], "extraVolumeMounts": mounts}})
    named = helm.refusal({**APP, "exporter": {**WEB, "extraVolumes": [{**volume, "name": "db-health-web-config"}]}})

    assert "where the chart mounts exporter.webConfigSecret: set another mountPath" in over
    assert "has a volume called db-health-web-config, which is there already" in named


@pytest.mark.parametrize(("mode", "kind"), [("app", "PodMonitor"), ("standalone", "ServiceMonitor")])
def test_prometheus_is_told_of_tls_and_password(helm: Helm, mode: str, kind: str) -> None:
    """By what the endpoint holds: the port is the metrics' own."""
    endpoint = {
        "scheme": "https",
        "tlsConfig": {"ca": {"secret": {"name": "ca", "key": "ca.crt"}}, "serverName": "orders"},
        "basicAuth": {"username": {"name": "s", "key": "u"}, "password": {"name": "s", "key": "p"}},
    }
    monitor = {kind[0].lower() + kind[1:]: {"enabled": True, "endpoint": endpoint}}
    base = APP if mode == "app" else {"mode": mode, **DATABASE}
    objects = helm.template(values={**base, "exporter": WEB, "monitoring": monitor})

    spec = of_kind(objects, kind)["spec"]
    (made,) = spec["podMetricsEndpoints"] if kind == "PodMonitor" else spec["endpoints"]
    assert made == {"port": "db-metrics", "path": "/metrics", **endpoint}


def test_injected_pods_start_without_the_secret(helm: Helm) -> None:
    """The volume is optional, and a file that cannot be used closes the metrics' port alone."""
    values = {"mode": "injection", "exporter": WEB}
    text = str(helm.template(CHART, "--kube-version", "1.36.0", values=values))

    assert f'"WEB_CONFIG_FILE"), "value": dyn("-{FILE}")' in text
    assert text.count('"secret": dyn({"optional": dyn(true), "secretName": dyn("web")})') == 1
