"""The server is between its states: starting, recovering, shutting down, or ending single sessions."""

import os
import signal
from contextlib import closing, suppress

import psycopg
import pytest

from tests.conftest import StartExporter
from tests.support.fault_assertions import fails, leaves_nothing_behind, recovers, stays_green, unharmed
from tests.support.postgres import PASSWORD, Postgres
from tests.support.waiting import until


def refuses(server: Postgres) -> bool:
    """Whether the server answers every connection with 57P03."""
    try:
        server.connect().close()
    except psycopg.OperationalError as error:
        return "starting up" in str(error) or "recovery" in str(error)
    return False


def start_and_hold(server: Postgres) -> int:
    """Start and stop the startup process before it ends recovery; its pid."""
    for _ in range(20):
        server.start(wait=False)
        with suppress(AssertionError, ProcessLookupError):  # it may come and go between two looks
            startup = until(lambda: server.child("startup") or 0, within=1, what="startup process", every=0.001)
            os.kill(startup, signal.SIGSTOP)
            until((server.data / f".s.PGSQL.{server.port}").exists, within=5, what="socket")
            if refuses(server):
                return startup
        server.kill()
    raise AssertionError("recovery was always faster than this test")


def test_server_in_recovery_is_starting_up(driver: str, server: Postgres, start_exporter: StartExporter) -> None:
    """A server that still replays its log is `starting_up`, and is used as soon as it is ready."""
    server.stop("fast")
    gate = server.put("gate", "")
    server.put("recovery.signal", "")
    server.configure(restore_command=f"while [ -e {gate} ]; do sleep 0.05; done; exit 1")
    server.start(wait=False)
    until(lambda: refuses(server), within=5, what="57P03")
    exporter = start_exporter(server.url(driver))

    fails(exporter, "starting_up", verdict="database_down")
    gate.unlink()
    until(lambda: not refuses(server), within=10, what="the end of recovery")
    recovers(exporter)
    leaves_nothing_behind(exporter, server)


@pytest.mark.extended
def test_warm_standby_is_starting_up(driver: str, server: Postgres, start_exporter: StartExporter) -> None:
    """A warm standby (`hot_standby = off`) refuses connections with the same code until it is a hot one."""
    server.stop("fast")
    server.put("standby.signal", "")
    server.configure(hot_standby="off")
    server.start(wait=False)
    exporter = start_exporter(server.url(driver))

    fails(exporter, "starting_up", verdict="database_down", also=("refused",))
    server.stop("fast")
    server.configure(hot_standby="on")
    server.start()
    recovers(exporter)
    leaves_nothing_behind(exporter, server)


def test_crash_is_followed_by_starting_up(driver: str, server: Postgres, start_exporter: StartExporter) -> None:
    """After a crash the outcome is `refused` and then `starting_up`, until recovery ends."""
    exporter = start_exporter(server.url(driver))

    with unharmed(exporter, server):
        server.kill()
        fails(exporter, "refused", verdict="database_down", also=("protocol",))
        startup = start_and_hold(server)
        fails(exporter, "starting_up", verdict="database_down", also=("refused",))
        os.kill(startup, signal.SIGCONT)
        until(lambda: not refuses(server), within=10, what="the end of recovery")
        recovers(exporter)


@pytest.mark.extended
def test_smart_shutdown_fails_only_the_fresh_path(driver: str, server: Postgres, start_exporter: StartExporter) -> None:
    """A smart shutdown ends no session: the pooled path stays green, the fresh one is `shutting_down`."""
    exporter = start_exporter(server.url(driver), FRESH_PROBE_INTERVAL="0.5")

    with unharmed(exporter, server):
        exporter.wait_for("success", path="fresh", within=3)
        with closing(server.connect()):
            server.stop("smart", wait=False)
            exporter.wait_for("shutting_down", path="fresh", within=3)
            stays_green(exporter)
        server.stop("immediate")
        server.start()
        exporter.wait_for("success", path="fresh", within=2.5)
        recovers(exporter)


def test_fast_shutdown_is_shutting_down_then_refused(
    driver: str, server: Postgres, start_exporter: StartExporter
) -> None:
    """A fast shutdown that takes its time is `shutting_down`, and after it `refused`."""
    exporter = start_exporter(server.url(driver))

    with unharmed(exporter, server):
        checkpointer = server.child("checkpointer")
        assert checkpointer is not None
        os.kill(checkpointer, signal.SIGSTOP)
        server.stop("fast", wait=False)
        fails(exporter, "shutting_down", verdict="database_down")
        os.kill(checkpointer, signal.SIGCONT)
        server.process.wait(timeout=10)
        fails(exporter, "refused", verdict="database_down", also=("shutting_down",))
        server.start()
        recovers(exporter)


def test_terminated_backend_is_not_a_failure(driver: str, server: Postgres, start_exporter: StartExporter) -> None:
    """A terminated session is found by the ping and replaced: no probe fails."""
    exporter = start_exporter(server.url(driver))

    with unharmed(exporter, server):
        for _ in range(3):
            query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'"
            assert server.sql(query) == [(True,)]
            stays_green(exporter, probes=1)
        assert set(exporter.outcomes()) == {"success"}


@pytest.mark.extended
def test_time_outs_on_the_role_are_not_a_failure(driver: str, server: Postgres, start_exporter: StartExporter) -> None:
    """Time-outs set on the role end idle sessions and fail no probe."""
    for setting in ("statement_timeout = '20ms'", "idle_session_timeout = '300ms'", "lock_timeout = '10ms'"):
        server.sql(f"ALTER ROLE app SET {setting}")
    exporter = start_exporter(server.url(driver), FRESH_PROBE_INTERVAL="0.5")

    with unharmed(exporter, server):
        stays_green(exporter)
        assert set(exporter.outcomes("fresh")) == {"success"}
        assert "idle-session timeout" in server.log()
    assert PASSWORD not in exporter.log()
