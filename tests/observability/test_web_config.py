"""Prometheus 3 scrapes the metrics' port through TLS, passwords and client certificates, whatever is renewed."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import StartExporter
from tests.observability import places
from tests.observability.scene import Prometheus
from tests.support.certificates import Authority
from tests.support.ports import free_port
from tests.support.server_factory import ServerFactory
from tests.support.waiting import until
from tests.support.web_config import PASSWORD, TLS, USER, USERS, WebConfigFolder, client_certificate

NOWHERE = "postgresql://app@127.0.0.1:1/app"
VERIFY = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: client-ca.crt\n"
ALLOW = "  client_allowed_sans: [prometheus.example]\n"

Job = dict[str, Any]
StartPrometheus = Callable[..., Prometheus]


@pytest.fixture
def web(server_factory: ServerFactory, authority: Authority) -> WebConfigFolder:
    """The configuration's folder."""
    return WebConfigFolder(server_factory.folder("web"), authority)


@pytest.fixture
def scraping(server_factory: ServerFactory, cleanup: ExitStack) -> StartPrometheus:
    """Start a Prometheus with jobs by name, each for the same port."""
    places.prometheus()

    def start(port: int, jobs: dict[str, Job]) -> Prometheus:
        target = {"static_configs": [{"targets": [f"127.0.0.1:{port}"]}], "scheme": "https"}
        made = Prometheus(server_factory, {}, jobs=[{"job_name": name, **target, **job} for name, job in jobs.items()])
        cleanup.callback(made.close)
        return made

    return start


def targets(prometheus: Prometheus) -> dict[str, tuple[str, str]]:
    """Each job's health and the error of its last scrape."""
    found = prometheus.ask("targets")["activeTargets"]
    return {each["labels"]["job"]: (each["health"], each["lastError"]) for each in found}


def scraped(prometheus: Prometheus) -> dict[str, str]:
    """Wait until each job was scraped; its health."""

    def known() -> dict[str, str]:
        found = {job: health for job, (health, _) in targets(prometheus).items()}
        return {} if "unknown" in found.values() else found

    return until(known, within=30, what="scrapes")


def test_who_is_let_in(
    start_exporter: StartExporter, web: WebConfigFolder, scraping: StartPrometheus, tmp_path: Path
) -> None:
    """With an allowed name and the password, nobody else."""
    port = free_port()
    web.configure(TLS + VERIFY + ALLOW + USERS)
    exporter = start_exporter(NOWHERE, METRICS_PORT=str(port), WEB_CONFIG_FILE=web.path)
    allowed = client_certificate(web._authority, tmp_path, "prometheus.example")
    other = client_certificate(web._authority, tmp_path, "other.example")

    def tls(pair: tuple[str, str] | None) -> Job:
        files = {} if pair is None else {"cert_file": pair[0], "key_file": pair[1]}
        return {"tls_config": {"ca_file": web.root, **files}}

    password = {"basic_auth": {"username": USER, "password": PASSWORD}}
    wrong = {"basic_auth": {"username": USER, "password": "wrong"}}
    prometheus = scraping(
        port,
        {
            "allowed": {**tls(allowed), **password},
            "other": {**tls(other), **password},
            "no certificate": {**tls(None), **password},
            "wrong password": {**tls(allowed), **wrong},
            "no password": tls(allowed),
        },
    )
    until(lambda: scraped(prometheus)["allowed"] == "up", within=30, what="the allowed one is let in")

    assert scraped(prometheus) == {
        "allowed": "up",
        "other": "down",
        "no certificate": "down",
        "wrong password": "down",
        "no password": "down",
    }
    errors = {job: error for job, (_, error) in targets(prometheus).items()}
    assert "403 Forbidden" in errors["other"]
    assert "401 Unauthorized" in errors["no password"]
    assert prometheus.value('dbhealth_web_config_last_reload_successful{job="allowed"} == 1')
    assert exporter.get("/livez").status == 200


@pytest.mark.parametrize("seconds", [15, pytest.param(60, marks=pytest.mark.extended)])
def test_no_scrape_fails_while_the_certificate_changes_every_second(
    start_exporter: StartExporter, web: WebConfigFolder, scraping: StartPrometheus, seconds: int
) -> None:
    """Connections are kept or made anew; each scrape is answered, and probes too."""
    port = free_port()
    web.configure(TLS + USERS)
    exporter = start_exporter(NOWHERE, METRICS_PORT=str(port), WEB_CONFIG_FILE=web.path)
    job = {"tls_config": {"ca_file": web.root}, "basic_auth": {"username": USER, "password": PASSWORD}}
    prometheus = scraping(port, {"exporter": job, "unkept": {**job, "enable_http2": False}})
    until(lambda: set(scraped(prometheus).values()) == {"up"}, within=30, what="both are scraped")
    began = time.time()
    for _ in range(seconds):
        web.renew()
        assert exporter.get("/livez").status == 200
        time.sleep(1)

    last = f"[{int(time.time() - began)}s]"
    for each in prometheus.value(f"min_over_time(up{last})"):
        assert each["value"][1] == "1", targets(prometheus)
    (changed,) = prometheus.value(
        f'changes(dbhealth_web_config_last_reload_success_timestamp_seconds{{job="exporter"}}{last})'
    )
    assert float(changed["value"][1]) >= seconds / 3
    assert exporter.complaints() == []


def test_the_recipe_in_the_documents_is_one_that_prometheus_takes() -> None:
    """The scrape configuration of docs/web-configuration.md has the fields that these tests use."""
    text = (places.ROOT / "docs/web-configuration.md").read_text()
    recipe = text.split("```yaml\nscrape_configs:")[1].split("```")[0]
    (job,) = yaml.safe_load("scrape_configs:" + recipe)["scrape_configs"]

    assert job["scheme"] == "https"
    assert {"ca_file", "cert_file", "key_file"} <= set(job["tls_config"])
    assert {"username", "password_file"} == set(job["basic_auth"])
