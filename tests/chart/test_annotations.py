"""What Artifact Hub reads of the charts: https://artifacthub.io/docs/topics/annotations/helm/."""

import re
from typing import Any

import pytest
import yaml

from exporter import __version__
from tests.chart.tools import CHART, LIBRARY, Helm

PREFIX = "artifacthub.io/"
LISTS = {"links", "images", "screenshots", "changes"}
KINDS = {"added", "changed", "deprecated", "removed", "fixed", "security"}
PLATFORMS = {"linux/amd64", "linux/arm64"}
BOTH = pytest.mark.parametrize("chart", [CHART, LIBRARY], ids=["chart", "library"])


def annotations(chart: Any) -> dict[str, Any]:
    """A chart's annotations by their short names; those that are YAML inside of YAML are parsed."""
    about = yaml.safe_load((chart / "Chart.yaml").read_text())["annotations"]
    assert all(isinstance(text, str) for text in about.values())
    short = {name.removeprefix(PREFIX): text for name, text in about.items() if name.startswith(PREFIX)}
    return {name: yaml.safe_load(text) if name in LISTS else text for name, text in short.items()}


@BOTH
def test_links_pictures_and_changes_have_the_form_that_artifact_hub_reads(chart: Any) -> None:
    """Text for a list, or a list of other fields, would be left out there without a word."""
    found = annotations(chart)

    assert {"category", "license", "links", "changes"} <= set(found)
    assert all(set(entry) == {"name", "url"} for entry in found["links"])
    assert all(set(entry) == {"title", "url"} for entry in found.get("screenshots", []))
    for entry in found["links"] + found.get("screenshots", []):
        assert entry["url"].startswith("https://")
    assert found["changes"]
    for entry in found["changes"]:
        assert {"kind", "description"} <= set(entry) <= {"kind", "description", "links"}
        assert entry["kind"] in KINDS
        assert re.fullmatch(r"[A-Z].*[^.]", entry["description"])


def test_the_image_is_the_one_that_the_chart_installs(helm: Helm) -> None:
    """Name, version and platforms."""
    [image] = annotations(CHART)["images"]
    values = {"mode": "standalone", "database": {"url": "postgresql://x"}}
    [pod] = [item["spec"]["template"]["spec"] for item in helm.template(values=values) if item["kind"] == "Deployment"]

    assert set(image) <= {"name", "image", "whitelisted", "platforms"}
    assert set(image["platforms"]) == PLATFORMS
    assert image["image"] == pod["containers"][0]["image"]
    assert image["image"].endswith(f":{__version__}")


@BOTH
def test_the_readme_that_helm_shows_begins_with_a_command(helm: Helm, chart: Any) -> None:
    """`helm show readme` is what a reader of a registry has: what it is, how to install it, every value."""
    shown = helm.run("show", "readme", chart)

    assert shown.startswith(f"# {chart.name}\n")
    assert "```" in shown
    assert "## " in shown
