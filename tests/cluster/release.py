"""One installed release and its pods."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chart.tools import CHART, Helm
from tests.cluster.kube import Kube, Pod

EXPORTER = {"repository": "localhost/db-health-exporter", "tag": "test", "pullPolicy": "Never"}
APPLICATION = {"repository": "localhost/dbhealth-application", "tag": "test", "pullPolicy": "Never"}
DATABASE = {"existingSecret": {"name": "orders-database"}}


def app(**more: Any) -> dict[str, Any]:
    """Values of the application."""
    return {"image": APPLICATION, "port": 8000, **more}


def exporter(**more: Any) -> dict[str, Any]:
    """Values of the exporter."""
    return {"image": EXPORTER, **more}


@dataclass(frozen=True)
class Release:
    """A release by its name."""

    kube: Kube
    helm: Helm
    namespace: str
    name: str

    def install(self, chart: Path, *words: str, values: dict[str, Any]) -> None:
        """Install it, or upgrade it, without waiting for pods."""
        self.helm.run("upgrade", "--install", self.name, chart, "-n", self.namespace, *words, values=values)

    def upgrade(self, *words: str, values: dict[str, Any]) -> None:
        """Upgrade it to this chart."""
        self.install(CHART, *words, values=values)

    def test(self) -> tuple[bool, str]:
        """Run its tests: whether they passed, and the output."""
        done = self.helm.attempt("test", self.name, "-n", self.namespace, "--timeout", "60s")
        return done.returncode == 0, done.stdout + done.stderr

    def uninstall(self) -> None:
        """Uninstall it, if it still exists."""
        self.helm.attempt("uninstall", self.name, "-n", self.namespace)

    @property
    def selector(self) -> str:
        """The label selector of its pods."""
        return f"app.kubernetes.io/instance={self.name},app.kubernetes.io/component!=check"

    def pod(self) -> Pod:
        """Its one pod."""
        return self.kube.pod(self.namespace, self.selector)
