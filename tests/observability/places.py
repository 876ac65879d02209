"""The paths of dashboard, rules and runbooks, and of the programs that check them."""

import re
import shutil
from pathlib import Path
from typing import Any

import yaml

from tests.support.needs import need

ROOT = Path(__file__).parents[2]
RULES = ROOT / "helm/db-health-exporter/files/alerts.yaml"
DASHBOARD = ROOT / "helm/db-health-exporter/files/dashboards/db-health-exporter.json"
RUNBOOKS = ROOT / "docs/runbooks"
RULE_TESTS = ROOT / "tests/observability/rules"
BUILT = Path.home() / ".cache/dbhealth-tools/prometheus3"
HOW = "run tests/observability/install-tools"

METRIC = re.compile(r"\b(?:dbhealth|process)_[a-z0-9_]+\b")


def promtool(generation: str) -> Path:
    """The distribution's promtool (2) or the one built from source (3)."""
    path = Path("/usr/bin/promtool") if generation == "2" else BUILT / "promtool"
    need(path.exists(), f"needs {path}: {HOW}")
    return path


def prometheus() -> Path:
    """The server built from source."""
    need((BUILT / "prometheus").exists(), f"needs {BUILT / 'prometheus'}: {HOW}")
    return BUILT / "prometheus"


def chromium() -> str:
    """The browser."""
    found = shutil.which("chromium")
    need(found is not None, f"needs chromium: {HOW}")
    return found or ""


def rules() -> list[dict[str, Any]]:
    """Every recording and alert rule."""
    content = yaml.safe_load(RULES.read_text())
    return [rule for group in content["groups"] for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    """Every alert rule."""
    return [rule for rule in rules() if "alert" in rule]
