"""The compose file of docs/beside-what-you-have.md: an application and the exporter in containers of their own."""

import re
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from tests.conftest import StartExporter
from tests.reporter import environments
from tests.support.network import Network
from tests.support.ports import free_port
from tests.support.postgres import Postgres
from tests.support.waiting import until

PAGE = (Path(__file__).parents[2] / "docs/beside-what-you-have.md").read_text()
APPLICATION = """
import time
from sqlalchemy import create_engine
engine = create_engine("sqlite:///:memory:")
engine.connect().close()
time.sleep(60)
"""


@pytest.mark.extended
def test_compose(server: Postgres, start_exporter: StartExporter, net: Network, cleanup: ExitStack) -> None:
    """Both services with the page's environment, addresses and ports apart, in network namespaces of their own."""
    [text] = [block for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if block.startswith("services:")]
    compose = yaml.safe_load(text)
    [network] = compose["networks"]["shop"]["ipam"]["config"]
    shop, exporter_service = compose["services"]["shop"]["environment"], compose["services"]["exporter"]["environment"]
    assert exporter_service["APP_POOL_SOURCES"] == network["subnet"]
    port = free_port()
    listen = exporter_service["APP_POOL_LISTEN"].replace(":9851", f":{port}")
    given = {**exporter_service, "APP_POOL_LISTEN": listen, "APP_POOL_SOURCES": f"{net.inside}/30"}
    exporter = start_exporter(**{**given, "DATABASE_URL": server.url()})

    address = shop["DBHEALTH_ADDRESS"].replace("exporter:9851", f"{net.outside}:{port}")
    environment = {**shop, "DBHEALTH_ADDRESS": address, "DBHEALTH_INTERVAL": "0.2"}
    command = [*net.prefix, str(environments.python("2.1")), "-c", APPLICATION]
    process = subprocess.Popen(command, env={"PATH": "/usr/bin:/bin", **environment})
    cleanup.callback(process.wait)
    cleanup.callback(process.kill)

    until(lambda: any(dict(labels).get("worker") == "1" for _, labels in exporter.samples()), within=20, what="a pool")
    assert exporter.sample("dbhealth_app_reports_rejected_total", reason="source") == 0
