"""The call site of a checkout is the application's line, and its holder the right thread."""

import sys
import sysconfig
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from db_health_reporter.call_site import FileClassifier, find_call_site

from tests.reporter import environments
from tests.reporter.conftest import APPLICATIONS, Reports, Start, reporting
from tests.support.postgres import Postgres

if TYPE_CHECKING:
    from types import FrameType


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
def test_call_site_is_not_in_an_installed_package(version: str, oldest: Any) -> None:
    """The call site is the application's line that calls an installed package, not the package's line."""
    assert oldest(version, "package")["where"] == place("read(engine))", "read_by_a_package")


def test_ended_thread_does_nothing_though_its_number_is_reused(oldest: Any) -> None:
    """The activity of an ended thread is none, although another thread has its number now."""
    found = oldest("2.1", "thread")

    assert found["where"] == place("held.append(engine.connect())", "take")
    assert found["doing"] == "its thread has ended"


def find(*files: str) -> str | None:
    """Find the call site in a stack of files, the outermost first."""
    found: list[FrameType | None] = []

    def innermost() -> None:
        found.append(find_call_site(sys._getframe(1), FileClassifier()))

    call: Any = innermost
    for file in reversed(files):
        scope = {"call": call}
        exec(compile("def outer():\n    call()", file, "exec"), scope)
        call = scope["outer"]
    thread = threading.Thread(target=call)  # below it is no frame of this test
    thread.start()
    thread.join()
    return None if found[0] is None else found[0].f_code.co_filename


PACKAGES, SCRIPTS = sysconfig.get_path("purelib"), sysconfig.get_path("scripts")


def test_call_site_may_be_in_an_installed_application() -> None:
    """The call site of an application in site-packages is its own line, not that of the script that pip made."""
    views = f"{PACKAGES}/shop/views.py"

    assert find(f"{SCRIPTS}/shop", f"{PACKAGES}/shop/main.py", views) == views
    assert find(f"{SCRIPTS}/gunicorn", f"{PACKAGES}/gunicorn/workers/sync.py", views) == views


@pytest.mark.parametrize(
    "wrapper", ["opentelemetry/instrumentation/sqlalchemy/engine.py", "sentry_sdk/x.py", "wrapt/x.py"]
)
def test_call_site_is_not_in_a_tracing_library(wrapper: str) -> None:
    """Frames of a tracing library are skipped, whichever environment it is in."""
    for packages in (PACKAGES, "/opt/other/lib/python3.9/site-packages", "/usr/lib/python3/dist-packages"):
        installed = f"{packages}/shop/views.py"
        assert find("/srv/shop/views.py", f"{packages}/{wrapper}") == "/srv/shop/views.py"
        assert find(installed, f"{packages}/{wrapper}") == installed
        assert find(f"{packages}/{wrapper}") is None
