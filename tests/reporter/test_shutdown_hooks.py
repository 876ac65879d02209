"""A process sends a goodbye at its end where it can, and otherwise its last report is true."""

import signal

from tests.reporter.conftest import Reports, Start

PREAMBLE = """
import multiprocessing, os, signal, sys, time
from sqlalchemy import create_engine, pool, text
engine = create_engine(sys.argv[1], poolclass=pool.QueuePool, plugins=["dbhealth"])
def use(seconds=0):
    with engine.connect() as connection:
        connection.execute(text("select 1"))
        time.sleep(seconds)
"""
POOL = """
def work(_):
    use()
    time.sleep(0.3)
if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(2) as workers:
        workers.map(work, range(2), chunksize=1)
        children = [child.pid for child in multiprocessing.active_children()]
"""
TERMINATED = """
def work():
    use()
    time.sleep(30)
if __name__ == "__main__":
    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    time.sleep(1)
    child.terminate()
    child.join()
    print(child.exitcode)
"""
NO_WORD = "use(0.5)\nos._exit(0)\n"
UNKNOWN_FORK = """
import ctypes
use()
time.sleep(0.3)
if ctypes.PyDLL(None).fork() == 0:  # as a server written in C does: no hook of Python runs
    use(), use()
    time.sleep(0.3)
    sys.exit(0)
os.wait()
"""
IDLE_UNKNOWN_FORK = """
import ctypes
use()
time.sleep(0.3)
if ctypes.PyDLL(None).fork() == 0:
    sys.exit(0)
os.wait()
time.sleep(0.3)
"""


def environment(reports: Reports) -> dict[str, str]:
    """The environment of an application that reports ten times a second."""
    return {"DBHEALTH_ADDRESS": reports.address, "DBHEALTH_INTERVAL": "0.1", "DBHEALTH_POOL": "app"}


def test_multiprocessing_workers_send_a_goodbye(start: Start, reports: Reports, sqlite: str) -> None:
    """The workers of a multiprocessing pool end by SIGTERM, and each sends a goodbye."""
    process = start("2.1", "-c", PREAMBLE + POOL, sqlite, env=environment(reports))

    assert process.communicate(timeout=30) == ("", "")
    received = reports.received()
    children = {report["pid"] for report in received}
    assert len(children) == 2
    assert {report["pid"] for report in received if report.get("bye")} == children


def test_a_child_still_dies_of_its_signal(start: Start, reports: Reports, sqlite: str) -> None:
    """A child's exit status is that of the signal."""
    process = start("2.1", "-c", PREAMBLE + TERMINATED, sqlite, env=environment(reports))

    assert process.communicate(timeout=30) == (f"{-signal.SIGTERM}\n", "")
    assert reports.received()[-1]["bye"] is True


def test_last_report_before_os_exit_is_idle(start: Start, reports: Reports, sqlite: str) -> None:
    """A process that ends by `os._exit` right after its checkin has reported the idle pool."""
    process = start("2.1", "-c", PREAMBLE + NO_WORD, sqlite, env=environment(reports))

    assert process.communicate(timeout=30) == ("", "")
    received = reports.received()
    assert any(report["checked_out"] == 1 for report in received)
    assert received[-1]["checked_out"] == 0
    assert sum(received[-1]["use"]["counts"]) == 1
    assert "bye" not in received[-1]


def test_fork_unknown_to_python_is_a_worker_of_its_own(start: Start, reports: Reports, sqlite: str) -> None:
    """The child is a worker of its own, counts its own checkouts, and does not send its parent's goodbye."""
    process = start("2.1", "-c", PREAMBLE + UNKNOWN_FORK, sqlite, env=environment(reports))

    assert process.communicate(timeout=30) == ("", "")
    received = reports.received()
    uses = {report["pid"]: sum(report["use"]["counts"]) for report in received if report.get("bye")}
    assert uses == {process.pid: 1, next(pid for pid in uses if pid != process.pid): 2}


def test_unused_fork_unknown_to_python_sends_no_goodbye(start: Start, reports: Reports, sqlite: str) -> None:
    """A child that inherits a reporting pool and does not use it sends no goodbye for its parent."""
    process = start("2.1", "-c", PREAMBLE + IDLE_UNKNOWN_FORK, sqlite, env=environment(reports))

    assert process.communicate(timeout=30) == ("", "")
    received = reports.received()
    assert {report["pid"] for report in received} == {process.pid}
    assert [bool(report.get("bye")) for report in received].index(True) == len(received) - 1
