"""Each engine of a process has a name of its own, and its counts go on when another engine takes the name."""

import pytest

from tests.reporter import environments
from tests.reporter.conftest import Reports, Start, reporting, url
from tests.support.postgres import Postgres


@pytest.mark.parametrize("version", environments.VERSIONS)
def test_each_engine_has_its_own_name(version: str, start: Start, shared_server: Postgres, reports: Reports) -> None:
    """Two engines are `app` and `app-2`; a call renames; a deleted engine sends a goodbye and frees its name.

    An engine that takes a freed name continues the counts reported under it.
    """
    addresses = reporting(shared_server, "psycopg2", reports.port), url(shared_server, "psycopg2")
    environment = {"DBHEALTH_ADDRESS": f"127.0.0.1:{reports.port}", "DBHEALTH_INTERVAL": "0.1"}

    process = start(version, "names.py", *addresses, env=environment)
    out, log = process.communicate(timeout=20)

    assert (process.returncode, out, log) == (0, "", "")
    received = reports.received()
    uses: dict[str, int] = {r["pool"]: sum(r["use"]["counts"]) for r in received}
    assert uses == {"app": 2, "app-2": 3, "called": 4, "renamed": 2}
    goodbyes = [report["pool"] for report in received if report.get("bye")]
    assert sorted(goodbyes) == ["app", "app", "app-2", "app-2", "called", "called", "renamed"]
    assert len({(report["pid"], report["start"]) for report in received}) == 1


FORGOTTEN = """
import gc, sys, weakref
from sqlalchemy import create_engine
import db_health_reporter.plugin
db_health_reporter.install()
engine = create_engine(sys.argv[1])
engine.connect().close()
process = db_health_reporter.plugin._process_reporter()
(reporter,) = process._reporters
reporter._writer.send()
sender = weakref.ref(reporter._writer.sender)
del reporter, engine
gc.collect()
gc.disable()
process._drop_unused()
print(process._reporters, sender())
"""


def test_socket_of_a_forgotten_engine_is_closed_at_once(start: Start, reports: Reports, sqlite: str) -> None:
    """Left to the garbage collector it would end unclosed now and then: a warning where warnings are shown."""
    environment = {"DBHEALTH_ADDRESS": f"127.0.0.1:{reports.port}", "DBHEALTH_INTERVAL": "60"}
    process = start("2.1", "-X", "dev", "-c", FORGOTTEN, sqlite, env=environment)

    assert process.communicate(timeout=20) == ("[] None\n", "")
