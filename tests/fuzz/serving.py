"""A process that has imported the exporter and forks for each environment: `serve` as a user runs it, in 50 ms.

It reads requests as lines of JSON, in which latin-1 texts stand for bytes, and answers each by a line. The child
runs the command line's own `main`; two things differ from a process that was started anew: the settings' child process
runs as a function, and the listeners close without the half second in which `/readyz` answers 503.
"""

import asyncio
import dataclasses
import gc
import http.client
import io
import json
import os
import shutil
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, NoReturn

from tests.support import processes

PLACE = ("127.0.0.1", 9850)
INHERITED = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "COVERAGE_PROCESS_START")
PATHS = ("/livez", "/healthz", "/readyz", "/app/livez", "/metrics", "/")
START_LIMIT, END_LIMIT = 20.0, 10.0  # seconds: a machine that stands still is no failure


@dataclasses.dataclass(frozen=True)
class Served:
    """What one environment's process said and how it ended."""

    listened: bool
    answers: dict[str, tuple[int, float, str]]  # path: status, seconds, body
    log: str
    status: int  # its exit status; negative for a signal


def serve(environment: dict[str, str], folder: Path) -> Served:
    """Serve one environment to its end."""
    log = folder / "log"
    log.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        _become_exporter(environment, log)
    listened = _listens(child)
    answers = {path: _ask(path, child) for path in PATHS} if listened else {}
    if listened:
        body = _ask("/healthz", child, accept="application/json")
        answers["JSON"] = body
    return Served(listened, answers, log.read_bytes().decode(errors="replace"), _end(child))


def _become_exporter(environment: dict[str, str], log: Path) -> NoReturn:
    status = 1
    try:
        kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
        os.environ.clear()
        os.environ.update(kept)
        os.environb.update({name.encode("latin-1"): value.encode("latin-1") for name, value in environment.items()})
        number = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (number, 1), (number, 2)):
            os.dup2(source, target)
        if os.environ.pop("FUZZ_EXEC", ""):
            os.execv(sys.executable, [sys.executable, "-m", "exporter", "serve"])
        status = _main()
    except SystemExit as ended:
        status = int(ended.code or 0)
    except BaseException:  # noqa: BLE001 - as Python's own end: a traceback and status 1
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _main() -> int:
    from exporter.cli.main import main
    from exporter.settings import config, loader, model

    def read(arguments: Sequence[str], *, meanwhile: Callable[[], object], **_: object) -> object:
        meanwhile()
        with redirect_stdout(io.StringIO()) as printed:
            status = model.main([loader.SERVE, *arguments])
        if status:
            raise SystemExit(status)
        return config.Config.from_json(printed.getvalue().encode())

    loader.read = read  # type: ignore[assignment]
    return main(["serve"])


def _listens(child: int) -> bool:
    limit = time.monotonic() + START_LIMIT
    while time.monotonic() < limit:
        try:
            socket.create_connection(PLACE, timeout=1).close()
        except OSError:
            if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                return False
            time.sleep(0.002)
        else:
            return True
    return False


def _ask(path: str, child: int, *, accept: str = "") -> tuple[int, float, str]:
    """Ask once; the time is less what both processes waited for a processor."""
    pids = (child, os.getpid())
    waited, began = sum(map(processes.waited_for_cpu, pids)), time.monotonic()
    connection = http.client.HTTPConnection(*PLACE, timeout=10)
    try:
        connection.request("GET", path, headers={"Accept": accept} if accept else {})
        response = connection.getresponse()
        status, text = response.status, response.read().decode()
    except (OSError, http.client.HTTPException) as error:
        status, text = 0, repr(error)
    finally:
        connection.close()
    seconds = time.monotonic() - began - (sum(map(processes.waited_for_cpu, pids)) - waited)
    return status, seconds, text


def _end(child: int) -> int:
    limit = time.monotonic() + END_LIMIT
    if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        os.kill(child, signal.SIGTERM)
    while time.monotonic() < limit:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _write_files(files: dict[str, str | None], folder: Path) -> None:
    """Make the files that an environment names; None is a directory."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in files.items():
        if content is None:
            (folder / name).mkdir()
        else:
            (folder / name).write_bytes(content.encode("latin-1"))


async def _warm_up() -> None:
    """Import and look up what is so on first use, once for all children."""
    import exporter.app
    import exporter.cli.commands
    import exporter.cli.serve
    import exporter.database.drivers.psycopg_driver
    import exporter.web.page.render
    from exporter.settings import model

    exporter.app.App(model.read_config({"database_host": "localhost"}, serve=True))
    exporter.app.DRAIN_SECONDS = 0.0


def main(folder: Path) -> None:
    """Answer requests until there are no more."""
    asyncio.run(_warm_up())
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        request: dict[str, Any] = json.loads(line)
        _write_files(request["files"], folder / "files")
        print(json.dumps(dataclasses.asdict(serve(request["environment"], folder))), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
