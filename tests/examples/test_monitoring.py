"""The examples of Prometheus and Grafana, as those programs read them."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.observability import places

EXAMPLES = places.ROOT / "examples"

pytestmark = pytest.mark.extended


def promtool(*words: str | Path) -> "subprocess.CompletedProcess[str]":
    """What promtool says."""
    return subprocess.run([places.promtool("3"), *words], capture_output=True, text=True, check=False)


def test_prometheus_takes_the_configuration() -> None:
    """With the alerts that it names, and the file of targets."""
    done = promtool("check", "config", EXAMPLES / "prometheus/prometheus.yml")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "rules found" in done.stdout + done.stderr
    [target] = json.loads((EXAMPLES / "prometheus/targets/exporters.json").read_text())
    assert set(target) == {"targets", "labels"}


def test_a_slip_would_be_found(tmp_path: Path) -> None:
    """A field that does not exist is refused."""
    shutil.copytree(EXAMPLES / "prometheus", tmp_path, dirs_exist_ok=True)
    file = tmp_path / "prometheus.yml"
    file.write_text(file.read_text().replace("file_sd_configs", "file_sd_config"))

    assert promtool("check", "config", "--syntax-only", file).returncode != 0


def test_grafana_is_provisioned_with_a_prometheus_and_the_dashboard() -> None:
    """Version 1 of both forms; the dashboard asks for a data source of that type."""
    folder = EXAMPLES / "grafana/provisioning"
    sources = yaml.safe_load((folder / "datasources/prometheus.yaml").read_text())
    provider = yaml.safe_load((folder / "dashboards/db-health-exporter.yaml").read_text())

    assert sources["apiVersion"] == provider["apiVersion"] == 1
    [source] = sources["datasources"]
    assert set(source) == {"name", "type", "access", "url", "isDefault"}
    assert (source["type"], source["access"]) == ("prometheus", "proxy")
    [each] = provider["providers"]
    assert each["type"] == "file"
    assert each["options"]["path"].startswith("/")
    variables = json.loads(places.DASHBOARD.read_text())["templating"]["list"]
    assert source["type"] in [variable["query"] for variable in variables if variable["type"] == "datasource"]
