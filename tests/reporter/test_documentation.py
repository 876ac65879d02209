"""The examples in the documentation work as printed."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.reporter.conftest import Reports, Start
from tests.support.ports import free_port

DOCUMENT = (Path(__file__).parents[2] / "docs/reporter.md").read_text()
ENGINE = 'import os, sqlalchemy\nengine = sqlalchemy.create_engine(os.environ["DATABASE_URL"])\n'
WSGI = """\
from shop.database import engine
engine.connect().close()  # the master uses the database, too

def application(environ, start_response):
    raise NotImplementedError
"""
WORKER = """
import threading
engine.connect().close()
threading.Event().wait(1)
"""
CELERY = """
import celery
engine.connect().close()
app = celery.Celery("shop", broker="memory://")
"""


def snippet(title: str) -> str:
    """Return the Python under a heading."""
    found = re.search(rf"### {title}\n.*?```python\n(.*?)```", DOCUMENT, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def shop(tmp_path: Path) -> Callable[[str, str], dict[str, str]]:
    """Write an application's file and return its environment."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/database.py").write_text(ENGINE)

    def write(name: str, text: str) -> dict[str, str]:
        (tmp_path / name).write_text(text)
        return {"DATABASE_URL": f"sqlite:///{tmp_path}/orders.db?plugin=dbhealth", "DBHEALTH_INTERVAL": "0.1"}

    return write


@pytest.mark.extended
def test_gunicorns_example_works(
    start: Start, reports: Reports, shop: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    """Workers of a master that uses the database itself replace its pool, and nothing fails."""
    shop("shop/wsgi.py", WSGI)
    used = snippet("gunicorn with sync workers") + "    engine.connect().close()\n"
    environment = shop("gunicorn.conf.py", used) | {"DBHEALTH_ADDRESS": f"127.0.0.1:{reports.port}"}

    arguments = ["--preload", "-w", "4", "-b", f"127.0.0.1:{free_port()}", "shop.wsgi"]
    process = start("2.1", *arguments, module="gunicorn", cwd=tmp_path, env=environment)

    pids: set[int] = set()
    while len(pids) < 5:
        pids.add(reports.next()["pid"])
    process.terminate()
    assert "Error" not in process.communicate(timeout=20)[1]


@pytest.mark.extended
def test_celerys_example_works(
    start: Start, reports: Reports, shop: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    """Each process of the prefork pool replaces the pool that it inherits."""
    used = snippet("Celery") + "    engine.connect().close()\n" + CELERY
    environment = shop("tasks.py", used) | {"DBHEALTH_ADDRESS": f"127.0.0.1:{reports.port}"}

    process = start("2.1", "-A", "tasks", "worker", "-c", "2", module="celery", cwd=tmp_path, env=environment)

    pids: set[int] = set()
    while len(pids) < 3:
        pids.add(reports.next()["pid"])
    process.terminate()
    assert "Error" not in process.communicate(timeout=20)[1]


def test_example_of_a_call_works(
    start: Start, reports: Reports, shop: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    """One line names the pool."""
    environment = shop("main.py", snippet("By a call") + WORKER) | {"DBHEALTH_ADDRESS": f"127.0.0.1:{reports.port}"}

    process = start("2.1", "main.py", cwd=tmp_path, env={**environment, "PYTHONPATH": str(tmp_path)})

    assert process.communicate(timeout=20) == ("", "")
    assert {report["pool"] for report in reports.received()} == {"orders"}
