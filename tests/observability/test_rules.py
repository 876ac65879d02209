"""Alert and recording rules: accepted by the tools, tested one by one, and each with a runbook."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.observability import places
from tools.dashboard.style import RUNBOOKS

NAMES = [rule["alert"] for rule in places.alerts()]
CONTRACT = {
    "DatabaseUnreachable": "critical",
    "DatabaseUnreachableFromPod": "warning",
    "DatabaseHealthFlapping": "warning",
    "DatabaseProbeSlow": "warning",
    "DatabaseServerNearlyFull": "warning",
    "DatabaseCredentialsRejected": "warning",
    "DatabaseWrongRole": "warning",
    "DatabaseWritesBlocked": "critical",
    "AppPoolNearlyExhausted": "warning",
    "AppPoolExhausted": "warning",
    "AppPoolWedged": "critical",
    "AppConnectionLeaked": "warning",
    "DatabaseHealthStale": "warning",
    "DatabaseHealthExporterAbsent": "warning",
    "DatabaseHealthSidecarCrashLooping": "warning",
    "DatabaseNewConnectionsFail": "warning",
    "DatabaseHealthMisconfigured": "warning",
    "DatabaseServerUnreachable": "critical",
}


def run(command: list[str | Path]) -> None:
    """Run a tool; its output is the failure's message."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("generation", ["2", "3"])
def test_promtool_accepts_the_rules(generation: str) -> None:
    """Prometheus 2.42 and 3 load the file, and find nothing twice."""
    run([places.promtool(generation), "check", "rules", "--lint=all", "--lint-fatal", places.RULES])


@pytest.mark.parametrize("generation", ["2", "3"])
@pytest.mark.parametrize("file", sorted(places.RULE_TESTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_alert_fires_when_it_should_and_not_otherwise(file: Path, generation: str) -> None:
    """Its unit tests pass, in Prometheus 2.42 and 3."""
    run([places.promtool(generation), "test", "rules", file])


@pytest.mark.parametrize("name", NAMES)
def test_every_alert_is_seen_to_fire_and_to_stay_silent(name: str) -> None:
    """Each alert has a file of unit tests: its texts when it fires, and a case in which it must not."""
    tests = yaml.safe_load((places.RULE_TESTS / f"{name}.yaml").read_text())["tests"]
    seen = [case for test in tests for case in test.get("alert_rule_test", [])]
    seen += [case for test in tests for case in test.get("promql_expr_test", []) if name in case["expr"]]

    assert {case.get("alertname", name) for case in seen} == {name}
    assert any(case.get("exp_alerts") for case in seen)
    assert any(case.get("exp_alerts") == [] or case.get("exp_samples") == [] for case in seen)


def test_every_alert_of_the_contract_exists() -> None:
    """Users route alerts by name and severity."""
    found = {rule["alert"]: rule["labels"]["severity"] for rule in places.alerts()}

    assert CONTRACT.items() <= found.items()


@pytest.mark.parametrize("rule", places.alerts(), ids=NAMES)
def test_every_alert_says_what_it_means_and_where_to_read_on(rule: dict[str, Any]) -> None:
    """Summary, description, and a runbook that exists."""
    annotations = rule["annotations"]

    assert set(annotations) == {"summary", "description", "runbook_url"}
    assert annotations["runbook_url"] == f"{RUNBOOKS}/{rule['alert']}.md"
    assert (places.RUNBOOKS / f"{rule['alert']}.md").exists()
