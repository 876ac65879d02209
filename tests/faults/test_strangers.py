"""Something answers on the port, and it is no database, or one behind a line that breaks."""

from contextlib import ExitStack

import pytest

from tests.conftest import StartExporter
from tests.servers import impostors
from tests.servers.background import Background, Listener
from tests.servers.postgres import Postgres
from tests.servers.proxy import Proxy
from tests.servers.story import fails, recovers, unharmed


@pytest.fixture
def proxy(server: Postgres, background: Background, cleanup: ExitStack) -> Proxy:
    """A line to the server that the test can spoil."""
    made = Proxy(background, (server.host, server.port))
    cleanup.callback(made.close)
    return made


@pytest.fixture(params=[impostors.http, impostors.garbage, impostors.hang_up, impostors.silent])
def stranger(background: Background, cleanup: ExitStack, request: pytest.FixtureRequest) -> Listener:
    """Something that is no database."""
    made = Listener(background, request.param)
    cleanup.callback(made.close)
    return made


@pytest.mark.parametrize("sslmode", ["prefer", "disable"])
def test_no_database_on_the_port(
    driver: str, server: Postgres, proxy: Proxy, stranger: Listener, start_exporter: StartExporter, sslmode: str
) -> None:
    """A web server, nonsense or a hang-up is `protocol`, silence a timeout; a real database ends it."""
    outcome = "connect_timeout" if stranger.serve is impostors.silent else "protocol"
    proxy.target = (stranger.host, stranger.port)
    exporter = start_exporter(server.url(driver, host="127.0.0.1", port=proxy.port, sslmode=sslmode))

    fails(exporter, outcome, verdict="database_down")
    proxy.target = (server.host, server.port)
    recovers(exporter, within=3.5)
    assert server.sessions() == 1


def test_answers_cut_short(driver: str, server: Postgres, proxy: Proxy, start_exporter: StartExporter) -> None:
    """A line that breaks in the middle of every answer is `protocol`, and harms nothing that lasts."""
    exporter = start_exporter(server.url(driver, host="127.0.0.1", port=proxy.port))

    with unharmed(exporter, server):
        proxy.cut_after = 3
        fails(exporter, "protocol", verdict="database_down")
        proxy.cut_after = None
        recovers(exporter)


def test_one_line_lost_is_not_a_failure(
    driver: str, server: Postgres, proxy: Proxy, start_exporter: StartExporter
) -> None:
    """A connection that was reset while idle is replaced by the ping, and nobody hears of it."""
    exporter = start_exporter(server.url(driver, host="127.0.0.1", port=proxy.port))

    with unharmed(exporter, server):
        proxy.listener.cut()
        for _ in range(2):
            exporter.wait_for("success", within=2)
        assert set(exporter.outcomes()) == {"success"}
