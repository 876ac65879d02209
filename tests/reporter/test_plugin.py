"""Ways to install: the environment, a call for all engines, a call for one, an argument, the URL, an .ini file."""

import json
from pathlib import Path

import pytest

from tests.reporter import environments
from tests.reporter.conftest import Reports, Start

USE = """
import sys, time
from sqlalchemy import create_engine, text
def use(engine):
    with engine.connect() as connection:
        connection.execute(text("select 1"))
"""
BEFORE_AND_AFTER = """
early = create_engine(sys.argv[1], pool_logging_name="early")
import db_health_reporter
db_health_reporter.install()
db_health_reporter.install()
late = create_engine(sys.argv[1], pool_logging_name="late", echo=False, hide_parameters=True)
use(early), use(late), time.sleep(0.3)
"""
LOG_IN_A_DATABASE = """
import logging
class Handler(logging.Handler):
    def emit(self, record):
        use(engine)
engine = create_engine(sys.argv[1], plugins=["dbhealth"])
logging.getLogger("db_health_reporter").addHandler(Handler())
use(create_engine(sys.argv[1] + "?plugin=dbhealth&dbhealth_interval=soon"))
"""
BESIDE_THE_URL = """
import db_health_reporter
db_health_reporter.install()
plain = create_engine(sys.argv[1], pool_size=9)
named = create_engine(sys.argv[1] + "?plugin=dbhealth&dbhealth_pool=orders", pool_size=1)
use(plain), use(named), time.sleep(0.3)
"""
PLUGIN_ARGUMENT = """
use(create_engine(sys.argv[1], plugins=["dbhealth"], pool_logging_name="argument")), time.sleep(0.3)
"""
INI = """
from sqlalchemy import engine_from_config
use(engine_from_config({"sqlalchemy.url": sys.argv[1] + "?plugin=dbhealth&dbhealth_pool=ini"})), time.sleep(0.3)
try:
    engine_from_config({"sqlalchemy.url": sys.argv[1], "sqlalchemy.plugins": "dbhealth"})
except Exception as error:
    assert "plugins" in str(error), error
else:
    raise SystemExit("the documents say that this fails")
"""
NO_ENGINE = """
import logging, db_health_reporter
logging.basicConfig(format="%(message)s")
engine = create_engine(sys.argv[1])
from sqlalchemy.orm import Session
for thing in (None, engine.pool, Session(engine), "text"):
    db_health_reporter.report(thing)
db_health_reporter.long_lived(None)
use(engine)
"""
GEVENT = """
import sys
early = {"sqlalchemy", "threading", "socket", "asyncio", "logging"} & set(sys.modules)
assert not early, early
import sqlalchemy
"""


@pytest.fixture
def environment(reports: Reports) -> dict[str, str]:
    """The environment of an application that reports ten times a second."""
    return {"DBHEALTH_ADDRESS": reports.address, "DBHEALTH_INTERVAL": "0.1"}


def names(reports: Reports) -> set[str]:
    """The pools that were reported."""
    return {report["pool"] for report in reports.received()}


@pytest.mark.parametrize("version", environments.VERSIONS)
def test_install_reports_every_engine_once(
    version: str, start: Start, reports: Reports, environment: dict[str, str], sqlite: str
) -> None:
    """Engines made before and after `install()` are reported once each."""
    process = start(version, "-c", USE + BEFORE_AND_AFTER, sqlite, env=environment)

    assert process.communicate(timeout=30) == ("", "")
    assert names(reports) == {"early", "late"}


@pytest.mark.parametrize("version", environments.VERSIONS)
def test_environment_installs_without_code(
    version: str, start: Start, reports: Reports, environment: dict[str, str], sqlite: str
) -> None:
    """The variable is enough, without a change of code or URL."""
    script = USE + "use(create_engine(sys.argv[1], pool_logging_name='plain')), time.sleep(0.3)"
    process = start(version, "-c", script, sqlite, env={**environment, "DBHEALTH_INSTALL": "1"})

    assert process.communicate(timeout=30) == ("", "")
    assert names(reports) == {"plain"}


@pytest.mark.sampled(1)
@pytest.mark.parametrize("off", [{}, {"DBHEALTH_INSTALL": "0"}, {"DBHEALTH_INSTALL": "1", "DBHEALTH_ADDRESS": "off"}])
def test_switched_off_sends_nothing(
    off: dict[str, str], start: Start, reports: Reports, environment: dict[str, str]
) -> None:
    """Without the variable, with 0, and with the address `off` nothing is instrumented and nothing is sent."""
    script = USE + (
        "engine = create_engine('sqlite://')\nuse(engine), time.sleep(0.3)\n"
        "assert '_dbhealth' not in vars(engine.pool), vars(engine.pool)"
    )
    process = start("2.1", "-c", script, env={**environment, **off})

    assert process.communicate(timeout=30) == ("", "")
    assert reports.received() == []


def test_nothing_is_imported_early(start: Start) -> None:
    """An interpreter with DBHEALTH_INSTALL starts without SQLAlchemy and without the modules that gevent patches."""
    process = start("2.1", "-c", GEVENT, env={"DBHEALTH_INSTALL": "1"})

    assert process.communicate(timeout=30) == ("", "")


@pytest.mark.parametrize(("script", "name"), [(PLUGIN_ARGUMENT, "argument"), (INI, "ini")])
def test_argument_and_ini_file_install_it(
    script: str, name: str, start: Start, reports: Reports, environment: dict[str, str], sqlite: str
) -> None:
    """An argument of `create_engine` works, and so does the URL in an .ini file, as documented."""
    process = start("2.1", "-c", USE + script, sqlite, env=environment)

    assert process.communicate(timeout=30) == ("", "")
    assert names(reports) == {name}


def test_object_that_is_no_engine_is_one_line(start: Start, sqlite: str) -> None:
    """Each is one line in the log, and no exception."""
    process = start("2.1", "-c", USE + NO_ENGINE, sqlite)
    out, log = process.communicate(timeout=30)

    assert (process.returncode, out) == (0, "")
    lines = log.splitlines()
    assert len(lines) == 5
    assert [word for line in lines[:4] for word in ("NoneType", "Pool", "Session", "str") if word in line][::1] != []
    assert all("nothing is reported" in line for line in lines[:4])
    assert "has no effect" in lines[4]


def test_command_finds_what_is_wrong(start: Start, reports: Reports, tmp_path: Path) -> None:
    """The command prints what is wrong, and sends nothing."""

    def run(**environment: str) -> tuple[int, list[str]]:
        process = start("2.1", module="db_health_reporter", env=environment)
        out, log = process.communicate(timeout=30)
        assert log == ""
        return process.returncode, [line[:4].strip() for line in out.splitlines()[1:]]

    assert run(DBHEALTH_ADDRESS=reports.address, DBHEALTH_INSTALL="1") == (0, ["ok", "ok", "ok"])
    assert run(DBHEALTH_ADDRESS="off") == (0, ["ok", "ok", "ok"])
    assert run(DBHEALTH_ADDRESS="192.0.2.1:9851") == (
        0,
        ["ok", "ok", "ok"],
    )  # another machine: unknown
    assert run(DBHEALTH_ADDRESS="127.0.0.1:9") == (1, ["ok", "ok", "FAIL"])
    assert run(DBHEALTH_ADDRESS=f"unix:{tmp_path}/none") == (1, ["ok", "ok", "FAIL"])
    assert reports.received() == []


def test_the_wheel_has_the_file(start: Start) -> None:
    """The wheel records the .pth file, so that pip removes it with the distribution."""
    script = (
        "import json; from importlib import metadata\n"
        "print(json.dumps([str(f) for f in metadata.files('db-health-reporter') if str(f).endswith('.pth')]))"
    )
    out, _ = start("2.1", "-c", script).communicate(timeout=30)

    assert "db_health_reporter.pth" in json.loads(out)


def test_install_keeps_the_names_of_urls(
    start: Start, reports: Reports, environment: dict[str, str], sqlite: str
) -> None:
    """An engine named by its URL does not take another engine's name."""
    process = start("2.1", "-c", USE + BESIDE_THE_URL, sqlite, env={**environment, "DBHEALTH_POOL": "app"})

    assert process.communicate(timeout=30) == ("", "")
    assert names(reports) == {"app", "orders"}


def test_log_through_a_reported_engine_does_not_deadlock(
    start: Start, environment: dict[str, str], sqlite: str
) -> None:
    """A warning logged through an engine that is reported itself does not deadlock."""
    process = start("2.1", "-c", USE + LOG_IN_A_DATABASE, sqlite, env=environment)

    assert process.communicate(timeout=30) == ("", "")
