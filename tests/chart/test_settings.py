"""The chart accepts the same values of a setting as the exporter, and refuses others with the same message."""

import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from exporter.settings import model as settings
from tests.chart.tools import CHART, CONSUMER, Helm

Cases = list[tuple[str, Any]]

GOOD: dict[str, list[Any]] = {
    "APP_POOL_LISTEN": ["off", False, "127.0.0.1:9851", "[::]:9851/udp", "localhost:1", "unix:/run/pools.sock"],
    "APP_POOL_SOURCES": ["", "10.0.0.1", "10.0.0.1, 172.16.0.0/12,", "fd00::/8", "::1,127.0.0.1/32"],
    "APP_POOL_TTL": [0.1, "100ms", 3600, "1h"],
    "APP_POOL_WEDGED_AFTER": [30, "45s", "1m"],
    "DATABASE_ECHO": [True, False, "true", "off", "1"],
    "DATABASE_EXPECT": ["any", "primary", "replica"],
    "DATABASE_EXTENSIONS": ["", "pg_trgm", "pg_trgm,uuid-ossp", "pg_trgm, hstore,"],
    "DATABASE_MAX_OVERFLOW": [0, 50, "10"],
    "DATABASE_POOL_RECYCLE": [1, 604800, "7d", "1 h"],
    "DATABASE_POOL_SIZE": [1, 20, "5"],
    "ENVIRONMENT": ["production", "Test", "eu-1.prod", "prod env", "-x", "x" * 64],
    "FRESH_PROBE_INTERVAL": [0, "0", 0.1, 86400, "1d"],
    "HEALTH_MAX_AGE": [0, 0.5, 3600, "0"],
    "LISTEN_HOST": ["0.0.0.0", "::", "[::]", "10.1.2.3", "fe80::1", "pod.example"],
    "LISTEN_PORT": [1, 9850, 65535, "9850", ""],
    "LOG_FORMAT": ["text", "json"],
    "LOG_LEVEL": ["debug", "INFO", "warning", "error", "WARN", "Warning", "CRITICAL", "trace", "Err"],
    "METRICS_PORT": [9852, "9852"],
    "PROBE_INTERVAL": [0.1, 5, 3600, "500ms", ".5", "5.", " 5"],
    "PROBE_TIMEOUT": [0.05, 0.85, "850ms"],
    "READINESS": ["off", False, "latch", "gate"],
    "WRITE_PROBE_INTERVAL": [0, 60, "5m"],
}
BAD: dict[str, list[Any]] = {
    "APP_POOL_LISTEN": [True, "127.0.0.1", "127.0.0.1:65536", "1.2.3:9851", "::1:9851", "unix:pools", "on"],
    "APP_POOL_SOURCES": ["shop", "10.0.0", "10.0.0.0/33", "fd00::/129", "10.0.0.1 10.0.0.2", "abc"],
    "APP_POOL_TTL": [0, 0.01, 3601, "2h", "-1"],
    "APP_POOL_WEDGED_AFTER": [4000, "banana"],
    "DATABASE_ECHO": ["maybe", "2"],
    "DATABASE_EXPECT": ["master"],
    "DATABASE_EXTENSIONS": ["a;b", "1a", "a b"],
    "DATABASE_MAX_OVERFLOW": [-1, 51, "51", "x"],
    "DATABASE_POOL_RECYCLE": [0, 100000000, "8d"],
    "DATABASE_POOL_SIZE": [0, 21, "21", "x", "1e1", 2.5],
    "ENVIRONMENT": [],  # applications share this variable
    "FRESH_PROBE_INTERVAL": [0.01, "0.01", -1, 86401],
    "HEALTH_MAX_AGE": [-1, 3601, "61m"],
    "LISTEN_HOST": ["256.1.1.1", "1.2.3", "a b", "-a"],
    "LISTEN_PORT": ["http", "9850.5", "99999", 65536, -1],
    "LOG_FORMAT": ["xml"],
    "LOG_LEVEL": ["loud"],
    "METRICS_PORT": ["abc", "65536"],
    "PROBE_INTERVAL": [0.01, 5000, "banana", "0.01", "5 min", "1e2"],
    "PROBE_TIMEOUT": ["abc", "0.01", 0.01, "11"],
    "READINESS": [True, "always"],
    "WRITE_PROBE_INTERVAL": [1e8, 0.05, "2d"],
}
# Values that only the chart refuses: the port could not be reached from outside, the kubelet would not wait, or
# somebody wrote a number where the exporter alone has to guess.
STRICTER: dict[str, list[Any]] = {
    "LISTEN_HOST": ["127.0.0.1", "127.0.0.2", "::1", "[::1]", "localhost", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1"],
    "LISTEN_PORT": [0, "0", " 9850"],
    "LOG_LEVEL": ["7"],
    "METRICS_PORT": ["0"],
    "PROBE_TIMEOUT": [2, "900ms", " 2"],
}
TEMPLATE = """\
errors:
{{- range .Values.cases }}
  - {{ include "db-health-exporter.settingError" (dict "name" (first .) "value" (last .)) | quote }}
{{- end }}
"""


def pairs(table: dict[str, list[Any]]) -> Cases:
    """A table's cases, one by one."""
    return [(name, value) for name, values in table.items() for value in values]


@pytest.fixture
def errors(helm: Helm, tmp_path: Path) -> Any:
    """The messages of the library's template for many settings, by one call of Helm."""
    chart = shutil.copytree(CONSUMER, tmp_path / "shop")
    for template in (chart / "templates").iterdir():
        template.unlink()
    (chart / "templates/errors.yaml").write_text(TEMPLATE)

    def ask(cases: Cases) -> list[str]:
        [found] = helm.template(chart, values={"cases": cases})
        said: list[str] = found["errors"]
        return said

    return ask


def refused_by_the_schema(name: str, value: Any) -> bool:
    """Whether the chart's schema refuses it."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    of_setting = schema["properties"]["exporter"]["properties"]["settings"]["properties"][name]
    return not jsonschema.Draft7Validator(of_setting).is_valid(value)


def refusal_of_the_exporter(
    name: str, value: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    """The message of `python -m exporter.settings.model` for the chart's text of this value, or an empty text."""
    text = value if isinstance(value, str) else json.dumps(value)
    if isinstance(value, bool) and name != "DATABASE_ECHO":
        text = "on" if value else "off"
    with monkeypatch.context() as patch:
        patch.setenv("DATABASE_URL", "postgresql://db/orders")
        patch.setenv(name, text)
        status = settings.main([])
    said = capsys.readouterr().err.strip()
    assert (status != 0) == bool(said)
    return said.removeprefix(f"db-health-exporter: {name} ")


def test_what_the_exporter_takes_the_chart_takes(
    errors: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The chart refuses no value that works."""
    cases = pairs(GOOD)

    assert [case for case in cases if refusal_of_the_exporter(*case, monkeypatch, capsys)] == []
    assert [case for case in cases if refused_by_the_schema(*case)] == []
    assert [case for case, said in zip(cases, errors(cases), strict=True) if said] == []


def test_what_the_exporter_refuses_the_chart_refuses(
    errors: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The chart refuses values with which the exporter would not start, with the exporter's sentence and limits."""
    cases = pairs(BAD)

    for (name, value), said in zip(cases, errors(cases), strict=True):
        expected = refusal_of_the_exporter(name, value, monkeypatch, capsys).removesuffix(", or 0 for any free one")
        assert expected, f"the exporter takes {name}={value!r}"
        assert said or refused_by_the_schema(name, value), f"the chart takes {name}={value!r}"
        assert said in ("", expected) or "Service" in expected


def test_port_that_no_kubelet_would_reach_is_refused(
    errors: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], helm: Helm
) -> None:
    """A loopback address and any free port suit a machine, not a pod; a number is no level."""
    cases = [case for case in pairs(STRICTER) if case[0] != "PROBE_TIMEOUT"]

    assert [case for case in pairs(STRICTER) if refusal_of_the_exporter(*case, monkeypatch, capsys)] == []
    assert [case for case, said in zip(cases, errors(cases), strict=True) if not said] == []
    for timeout in STRICTER["PROBE_TIMEOUT"]:
        values = {"app": {"image": {"repository": "x"}}, "database": {"url": "postgresql://db/orders"}}
        assert "PROBE_TIMEOUT" in helm.refusal({**values, "exporter": {"settings": {"PROBE_TIMEOUT": timeout}}})


def test_every_setting_has_good_and_bad_values() -> None:
    """A new setting of the exporter is compared as well."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    known = set(schema["properties"]["exporter"]["properties"]["settings"]["properties"])

    assert set(GOOD) == set(BAD) == known
