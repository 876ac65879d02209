"""Helm and other tools for the charts' tests."""

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support.needs import need

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm/db-health-exporter"
LIBRARY = ROOT / "helm/db-health-exporter-lib"
CONSUMER = Path(__file__).parent / "consumer"
VERSIONS = ("helm3", "helm4")


class ServersLoader(yaml.CSafeLoader):
    """YAML as the API server and Helm read it: a bare 1e3 is a number for them, and a text for PyYAML."""


ServersLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


def tool(folder: str, name: str) -> Path:
    """A program that tests/chart/install-tools installs."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    path = Path(os.environ.get("DBHEALTH_TOOLS", cache / "dbhealth-tools")) / folder / name
    need(path.is_file(), f"needs {path}: run tests/chart/install-tools")
    return path


@dataclass(frozen=True)
class Helm:
    """One version of Helm, on one cluster where there is one."""

    version: str
    kubeconfig: Path | None = None

    def run(self, *words: str | Path, values: dict[str, Any] | None = None, check: bool = True) -> str:
        """Run a command; values are passed by standard input."""
        done = self.attempt(*words, values=values)
        if check and done.returncode != 0:
            raise RuntimeError(f"{self.version} {words[0]} ended with {done.returncode}: {done.stderr}{done.stdout}")
        return done.stdout

    def attempt(self, *words: str | Path, values: dict[str, Any] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command that may fail."""
        command = [tool(self.version, "helm"), *words]
        if values is not None:
            command += ["--values", "-"]
        environment = dict(os.environ)
        if self.kubeconfig is not None:
            environment["KUBECONFIG"] = str(self.kubeconfig)
        return subprocess.run(
            command,
            input=json.dumps(values) if values is not None else "",  # Helm's YAML takes a bare "y" for true
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def template(
        self,
        chart: Path = CHART,
        *words: str,
        values: dict[str, Any] | None = None,
        release: str = "release",
    ) -> list[dict[str, Any]]:
        """Render a chart to its objects."""
        text = self.run("template", release, chart, *words, values=values)
        return [document for document in yaml.load_all(text, ServersLoader) if document]

    def refusal(self, values: dict[str, Any], chart: Path = CHART) -> str:
        """The error message for values that must be refused."""
        done = self.attempt("template", "release", chart, values=values)
        assert done.returncode != 0, done.stdout
        return done.stderr


def of_kind(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """The one object of a kind."""
    [found] = [item for item in objects if item["kind"] == kind]
    return found


def pod_spec(objects: list[dict[str, Any]]) -> dict[str, Any]:
    """The specification of the workload's pods."""
    spec: dict[str, Any] = of_kind(objects, "Deployment")["spec"]["template"]["spec"]
    return spec


def exporter(objects: list[dict[str, Any]]) -> dict[str, Any]:
    """The exporter's container, wherever it stands."""
    spec = pod_spec(objects)
    every = [*spec.get("initContainers", []), *spec["containers"]]
    [found] = [container for container in every if container["name"] == "db-health-exporter"]
    return dict(found)


def variables(container: dict[str, Any]) -> dict[str, Any]:
    """Its variables by name: the value, or where it comes from."""
    names = [entry["name"] for entry in container.get("env", [])]
    assert len(names) == len(set(names)), names
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in container.get("env", [])}
