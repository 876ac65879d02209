"""The place of a checkout is the application's line, and its holder the right thread."""

from pathlib import Path
from typing import Any

import pytest

from tests.reporter import environments
from tests.reporter.conftest import APPLICATIONS, Reports, Start, reporting
from tests.support.postgres import Postgres


@pytest.fixture
def oldest(start: Start, shared_server: Postgres, reports: Reports, tmp_path: Path) -> Any:
    """Run an application and return the oldest checkout of its report."""
    (tmp_path / "package.py").write_text("def read(engine):\n    return engine.connect()\n")

    def run(version: str, what: str) -> dict[str, Any]:
        url = reporting(shared_server, "psycopg2", reports.port, dbhealth_leak_after="0.01")
        process = start(version, "call_sites.py", url, tmp_path, what)
        assert process.stdout is not None
        assert process.stdout.readline() == "taken\n", process.communicate()[1]
        reports.received()
        return reports.next()["oldest"]  # type: ignore[no-any-return]

    return run


def place(code: str, function: str) -> str:
    """The place of some code in the application."""
    lines = (APPLICATIONS / "call_sites.py").read_text().splitlines()
    (number,) = (number for number, line in enumerate(lines, 1) if code in line)
    return f"call_sites.py:{number} in {function}"


@pytest.mark.parametrize("version", environments.VERSIONS)
def test_a_package_connects(version: str, oldest: Any) -> None:
    """The place is the application's line that calls an installed package, not the package's own."""
    assert oldest(version, "package")["where"] == place("read(engine))", "read_by_a_package")


def test_a_number_is_used_again(oldest: Any) -> None:
    """A thread that has ended does nothing, whichever thread has its number now."""
    found = oldest("2.1", "thread")

    assert found["where"] == place("held.append(engine.connect())", "take")
    assert found["doing"] == "its thread has ended"
