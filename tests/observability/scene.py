"""Parts of the live tests: the busy application, and Prometheus with the project's rules."""

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.observability import places
from tests.support.exporter import Exporter
from tests.support.ports import free_port
from tests.support.server_factory import ServerFactory
from tests.support.waiting import until

RATE = "6s"  # the value of $__rate_interval with a scrape every second


class Application:
    """The busy application as a process of its own."""

    def __init__(self, server_factory: ServerFactory, url: str, *, reports_to: str) -> None:
        """Start it; it queries at once."""
        root = places.ROOT
        self.log = server_factory.folder("application") / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.observability.busy"],
                cwd=root,
                env={
                    "PATH": os.environ["PATH"],
                    "PYTHONPATH": f"{root}:{root / 'reporter'}",
                    "DATABASE_URL": url,
                    "DBHEALTH_ADDRESS": reports_to,
                    "DBHEALTH_INTERVAL": "0.5",
                    "DBHEALTH_LEAK_AFTER": "1",
                },
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )

    def inject(self, fault: str) -> None:
        """Inject a fault: `leak`, `fill` or `wedge`."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{fault}\n".encode())
        self.process.stdin.flush()
        assert self.process.stdout.readline() == b"done\n", self.log.read_text()[-3000:]

    def close(self) -> None:
        """End it, whatever its state."""
        self.process.kill()
        self.process.communicate()


class Prometheus:
    """A real Prometheus that scrapes every second, with the rules sped up for a test."""

    def __init__(
        self,
        server_factory: ServerFactory,
        exporters: Mapping[str, Exporter],
        *,
        jobs: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Scrape each exporter under the given name of a pod, and what further jobs say."""
        self.folder = server_factory.folder("prometheus")
        self.port = free_port()
        (self.folder / "rules.yaml").write_text(sped_up(places.RULES.read_text()))
        targets = [
            {
                "targets": [f"{exporter.host}:{exporter.port}"],
                "labels": {"namespace": "shop", "pod": pod, "container": "db-health-exporter"},
            }
            for pod, exporter in exporters.items()
        ]
        configuration = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yaml"],
            "scrape_configs": [{"job_name": "shop/orders", "static_configs": targets}, *jobs],
        }
        (self.folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [
                    places.prometheus(),
                    f"--config.file={self.folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={self.folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{self.port}",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until(self._ready, within=30, what="Prometheus is ready")

    def ask(self, path: str, **parameters: str) -> Any:
        """The data of an answer; an error of Prometheus fails the test."""
        query = urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/{path}?{query}", timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from None

    def value(self, expr: str) -> list[dict[str, Any]]:
        """The result of an instant query that is not an empty number."""
        result = self.ask("query", query=expr)["result"]
        return [each for each in result if each["value"][1] != "NaN"]

    def values(self, expr: str, *, end: float, seconds: int = 15) -> list[dict[str, Any]]:
        """The result of a range query up to a moment, without series of empty numbers."""
        result = self.ask("query_range", query=expr, start=str(end - seconds), end=str(end), step="1")["result"]
        return [each for each in result if any(value != "NaN" for _, value in each["values"])]

    def firing(self) -> dict[str, list[dict[str, Any]]]:
        """Every alert that fires now, by name."""
        found: dict[str, list[dict[str, Any]]] = {}
        for alert in self.ask("alerts")["alerts"]:
            if alert["state"] == "firing":
                found.setdefault(alert["labels"]["alertname"], []).append(alert)
        return found

    def close(self) -> None:
        """Kill it; its data is not needed."""
        self.process.kill()
        self.process.wait()

    def _ready(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError((self.folder / "log").read_text()[-3000:])
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def sped_up(rules: str) -> str:
    """The same rules with every `for` at two seconds; the expressions are unchanged."""
    return re.sub(r"(?m)^( +for:) .*$", r"\1 2s", rules)


def application_port(exporter: Exporter) -> str:
    """The address on which this exporter listens for reports of applications."""
    environment = Path(f"/proc/{exporter.process.pid}/environ").read_bytes().decode().split("\0")
    found = dict(each.split("=", 1) for each in environment if each)
    return found["APP_POOL_LISTEN"].removesuffix("/udp")
