"""The chart accepts the examples on the pages about deploying."""

import re
import shlex
from typing import Any

import pytest
import yaml

from tests.chart.tools import CHART, ROOT, Helm, of_kind

BESIDE = ROOT / "docs/beside-what-you-have.md"
PAGES = [ROOT / "docs/getting-started.md", *sorted((ROOT / "docs").glob("deploy-*.md")), BESIDE, CHART / "README.md"]
APP = {"app": {"image": {"repository": "orders"}}}
SOURCES = {"./helm/db-health-exporter", "oci://ghcr.io/db-health-exporter/charts/db-health-exporter"}


def fenced(language: str) -> list[Any]:
    """Every block of a language in the pages, with its page as the parameter's name."""
    found = []
    for page in PAGES:
        for number, block in enumerate(re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)):
            found.append(pytest.param(block, id=f"{page.name}-{number}"))
    return found


VALUES = [block for block in fenced("yaml") if re.match(r"(mode|app|database|databases|exporter):", block.values[0])]
COMMANDS = [block for block in fenced("sh") if "helm install" in block.values[0]]


@pytest.mark.parametrize("block", VALUES)
def test_values_on_a_page_render(helm: Helm, block: str) -> None:
    """A copied example works."""
    values = yaml.safe_load(block)

    assert helm.template(values=values if "mode" in values else {**APP, **values})


@pytest.mark.parametrize("block", COMMANDS)
def test_commands_on_a_page_render(helm: Helm, block: str) -> None:
    """A copied command is accepted, with the chart's path replaced."""
    [line] = [line for line in block.replace("\\\n", "").splitlines() if line.startswith("helm install")]
    words = shlex.split(line)
    flags = words[words.index(next(word for word in words if word in SOURCES)) + 1 :]

    assert helm.template(CHART, *[word for word in flags if word != "--create-namespace"])


# What CloudNativePG writes into the Secret `CLUSTER-app`: https://cloudnative-pg.io/documentation/current/applications/
CNPG = {
    "username",
    "user",
    "password",
    "dbname",
    "host",
    "port",
    "uri",
    "jdbc-uri",
    "fqdn-uri",
    "fqdn-jdbc-uri",
    "pgpass",
}


def read_keys(node: Any, secret: str) -> set[str]:
    """Every key of a Secret that an object reads: as a variable, or as a file."""
    if isinstance(node, list):
        return set().union(*(read_keys(each, secret) for each in node))
    if not isinstance(node, dict):
        return set()
    found = {node["key"]} if node.get("name") == secret and "key" in node else set()
    if secret in (node.get("secretName"), node.get("name")):
        found |= {item["key"] for item in node.get("items", [])}
    return found.union(*(read_keys(each, secret) for each in node.values()))


@pytest.mark.parametrize("block", [block for block in VALUES if "orders-db-app" in block.values[0]])
def test_the_keys_of_cloudnativepg_are_read(helm: Helm, block: str) -> None:
    """Nothing is read that the operator does not write."""
    keys = read_keys(of_kind(helm.template(values=yaml.safe_load(block)), "Deployment"), "orders-db-app")

    assert keys
    assert keys <= CNPG
    assert "uri" in keys or {"host", "port", "dbname", "user", "password"} <= keys


def test_the_pages_have_examples() -> None:
    """Without examples the tests above would pass, too."""
    assert len(VALUES) >= 2
    assert len(COMMANDS) >= 4
