"""The documentation is enough to report from another language: its example runs as printed."""

import re
import shutil
import socket
import subprocess
from contextlib import ExitStack
from pathlib import Path

from exporter.app_pools import fields as app_fields
from exporter.app_pools import report as app_report
from exporter.app_pools.registry import AppPools
from exporter.model.pool import BOUNDS
from tests.reporter.datagrams import content
from tests.support.needs import need_tools

DOCUMENT = Path(__file__).parents[2] / "docs/reference/wire-format.md"
POOL = """
const pool = Object.assign(new (require("node:events"))(), {
  options: { max: 10 }, totalCount: 4, idleCount: 1, waitingCount: 2,
});
"""
LIFE = """
for (const client of ["first", "second"]) pool.emit("acquire", client);
pool.emit("connect");
pool.emit("release", undefined, "second");
"""


def test_the_documented_example_works(tmp_path: Path, cleanup: ExitStack) -> None:
    """The exporter accepts all datagrams of the example: reports of a pool and a goodbye."""
    need_tools("node")
    (example,) = re.findall(r"```js\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert len(example.splitlines()) <= 21
    (tmp_path / "report.js").write_text(example)
    listening = cleanup.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    listening.bind(("127.0.0.1", 0))
    listening.settimeout(10)
    options = f"{{ port: {listening.getsockname()[1]}, interval: 0.1 }}"
    pools = AppPools(databases={"app": "app"})

    done = subprocess.run(
        [
            str(shutil.which("node")),
            "-e",
            f"{POOL} require('./report.js')(pool, {options}); {LIFE} setTimeout(() => {{}}, 150)",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert (done.returncode, done.stderr) == (0, "")
    pools.receive(listening.recv(9000))
    (state,) = pools.states()
    assert (state.size, state.checked_out, state.checked_in, state.pending) == (10, 3, 1, 2)
    assert (state.oldest_checkout_seconds, state.since_checkin_seconds) == (0, None)
    pools.receive(listening.recv(9000))
    (state,) = pools.states()
    assert state.oldest_checkout_seconds is not None
    assert state.oldest_checkout_seconds > 0.05
    assert state.since_checkin_seconds is not None
    assert state.since_checkin_seconds > 0.05
    pools.receive(listening.recv(9000))
    assert pools.states() == ()
    assert pools.totals()[0].connects == 1
    assert sum(pools.rejected().values()) == 0


def test_every_field_is_documented() -> None:
    """The table has each field of a report, with the bounds of the code."""
    text = DOCUMENT.read_text()
    fields = set(re.findall(r"`([a-z_.]+)`", "".join(re.findall(r"(?m)^\| (`.*?) \|", text))))

    assert {*content(), "lag", "stalled", "bye", "leaks", "oldest.where", "oldest.doing"} <= fields
    listed = re.search(r"were at most (.*?) s,", text, re.DOTALL)
    assert listed is not None
    assert tuple(map(float, re.findall(r"[\d.]+", listed[1]))) == BOUNDS
    assert f"at most {app_report.MAX_BYTES} bytes" in text
    assert f"text, {app_fields.MAX_NAME}" in text
