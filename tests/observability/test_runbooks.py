"""Runbooks: one for each alert, all alike, with queries that run."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.conftest import StartPostgres
from tests.observability import places

ALERTS = sorted(rule["alert"] for rule in places.alerts())
DOCS = places.RUNBOOKS.parent
SECTIONS = [
    "What it means",
    "What users see",
    "Tell the causes apart",
    "What to do",
    "What not to do",
]
LINK = re.compile(r"\]\(([^)#]+)")


def pages() -> list[Path]:
    """Every page, without the index."""
    return sorted(path for path in places.RUNBOOKS.glob("*.md") if path.name != "README.md")


def blocks(language: str) -> Iterator[tuple[str, str]]:
    """Every block of code in a language, with the page it stands on."""
    for page in pages():
        for block in re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL):
            yield page.stem, block


def test_there_is_one_page_for_each_alert() -> None:
    """No alert without a page, no page without an alert."""
    assert [page.stem for page in pages()] == ALERTS


@pytest.mark.parametrize("page", pages(), ids=ALERTS)
def test_every_page_is_in_the_same_order(page: Path) -> None:
    """Every page has the same sections, so that they are found quickly, and three ways to tell causes apart."""
    text = page.read_text()
    apart = text[text.index("## Tell") : text.index("## What to do")]

    assert text.startswith(f"# {page.stem}\n")
    assert re.findall(r"(?m)^## (.*)$", text) == SECTIONS
    assert re.findall(r"(?m)^(\d)\. ", apart) == ["1", "2", "3"]
    assert apart.count("```") == 6


def test_links_point_to_existing_files() -> None:
    """Every link to another file of the repository has a target."""
    for page in (*places.RUNBOOKS.glob("*.md"), DOCS / "observability.md"):
        for target in LINK.findall(page.read_text()):
            assert target.startswith("http") or (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_documentation_lists_every_alert_with_its_severity() -> None:
    """The table in docs/observability.md is the rules' own."""
    table = re.findall(r"(?m)^\| \[(\w+)\]\(runbooks/\1\.md\) \| (\w+) \|", (DOCS / "observability.md").read_text())
    rules = [(rule["alert"], rule["labels"]["severity"]) for rule in places.alerts()]

    assert sorted(table) == sorted(rules)
    for page in pages():
        severity = dict(rules)[page.stem]
        assert f"Severity: {severity}.\n" in page.read_text()


def test_the_usual_first_steps_are_on_the_pages() -> None:
    """The usual first steps are on the pages of the pools."""
    text = "".join(page.read_text() for page in pages())

    assert "SELECT pid, state, query_start, wait_event FROM pg_stat_activity" in text
    assert "idle in transaction" in text
    assert "DATABASE_ECHO" in text


@pytest.mark.parametrize("generation", ["2", "3"])
def test_prometheus_parses_every_query(generation: str, tmp_path: Path) -> None:
    """Prometheus parses each query of a runbook."""
    queries = [(page, line.strip()) for page, block in blocks("promql") for line in block.strip().splitlines()]
    rules = [{"record": f"{page}:{index}", "expr": expr} for index, (page, expr) in enumerate(queries)]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "runbooks", "rules": rules}]}))

    done = subprocess.run(
        [places.promtool(generation), "check", "rules", file],
        capture_output=True,
        text=True,
        check=False,
    )

    assert len(queries) > 20
    assert done.returncode == 0, done.stderr


def test_postgresql_runs_every_query(start_postgres: StartPostgres) -> None:
    """PostgreSQL runs each query of a runbook."""
    server = start_postgres()
    for page, block in blocks("sql"):
        for statement in block.split(";"):
            if statement.strip():
                try:
                    server.sql(statement)
                except Exception as error:
                    raise AssertionError(f"{page}: {statement}") from error
