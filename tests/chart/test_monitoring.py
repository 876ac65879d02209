"""The objects for Prometheus: PodMonitor, ServiceMonitor, alert rules."""

import re
from typing import Any

import pytest
import yaml

from tests.chart.tools import CHART, Helm, of_kind

APP = {"app": {"image": {"repository": "orders"}}, "database": {"existingSecret": {"name": "orders-database"}}}
STANDALONE = {"mode": "standalone", "database": {"existingSecret": {"name": "orders-database"}}}


def test_no_key_of_an_endpoint_comes_twice(helm: Helm) -> None:
    """`interval` beside `endpoint.interval`: the endpoint's own fields win."""
    monitor = {"enabled": True, "interval": "15s", "endpoint": {"interval": "5s", "path": "/x", "scheme": "http"}}
    text = helm.run("template", "release", CHART, values={**APP, "monitoring": {"podMonitor": monitor}})
    [found] = [item for item in yaml.safe_load_all(text) if item and item["kind"] == "PodMonitor"]

    assert found["spec"]["podMetricsEndpoints"] == [
        {"port": "db-health", "interval": "5s", "path": "/x", "scheme": "http"}
    ]
    assert len(re.findall("interval:", text)) == 1


def test_a_servicemonitor_selects_the_service_of_mode_standalone(helm: Helm) -> None:
    """The Prometheus Operator selects the Service by its labels and scrapes the port that serves /metrics."""
    monitor = {"enabled": True, "labels": {"release": "prometheus"}, "interval": "15s", "namespace": "monitoring"}
    settings = {"settings": {"METRICS_PORT": 9852}}
    objects = helm.template(values={**STANDALONE, "exporter": settings, "monitoring": {"serviceMonitor": monitor}})
    made, service = of_kind(objects, "ServiceMonitor"), of_kind(objects, "Service")

    assert made["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert made["spec"]["endpoints"] == [{"port": "db-metrics", "path": "/metrics", "interval": "15s"}]
    assert {port["name"] for port in service["spec"]["ports"]} >= {"db-metrics"}
    assert made["spec"]["namespaceSelector"] == {"matchNames": ["default"]}
    assert made["metadata"]["namespace"] == "monitoring"
    assert made["metadata"]["labels"]["release"] == "prometheus"


def rules(helm: Helm, **values: Any) -> dict[str, dict[str, Any]]:
    """The alerts of the PrometheusRule by name."""
    objects = helm.template(values={**APP, "monitoring": {"rules": {"enabled": True, **values}}})
    groups = of_kind(objects, "PrometheusRule")["spec"]["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def test_alerts_can_be_left_out(helm: Helm) -> None:
    """Only the named alerts are left out."""
    every = rules(helm)
    assert rules(helm, disabled=["DatabaseHealthFlapping", "AppPoolWedged"]) == {
        name: rule for name, rule in every.items() if name not in {"DatabaseHealthFlapping", "AppPoolWedged"}
    }


def test_alerts_can_have_more_labels(helm: Helm) -> None:
    """A label of the user's wins over the chart's; expressions and annotations stay as they are."""
    every = rules(helm)
    labelled = rules(helm, additionalLabels={"team": "orders", "severity": "page"})

    assert {rule["labels"]["team"] for rule in labelled.values()} == {"orders"}
    assert {rule["labels"]["severity"] for rule in labelled.values()} == {"page"}
    for name, rule in labelled.items():
        assert {key: rule[key] for key in rule if key != "labels"} == {
            key: every[name][key] for key in every[name] if key != "labels"
        }


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {**APP, "monitoring": {"rules": {"enabled": True, "disabled": ["AppPoolWegded"]}}},
            "monitoring.rules.disabled names AppPoolWegded, which is no alert: use one of AppConnectionLeaked,",
        ),
        (
            {**APP, "monitoring": {"serviceMonitor": {"enabled": True}}},
            "monitoring.serviceMonitor.enabled needs the Service of mode standalone, and mode app has none: set",
        ),
        (
            {**STANDALONE, "monitoring": {"serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}}},
            "monitoring.podMonitor.enabled and monitoring.serviceMonitor.enabled would both have the exporter scraped",
        ),
    ],
    ids=["an unknown alert", "no Service", "scraped twice"],
)
def test_impossible_monitoring_is_refused(helm: Helm, values: dict[str, Any], sentence: str) -> None:
    """The message names the value to set."""
    assert sentence in helm.refusal(values)
