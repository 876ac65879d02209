"""Starts the child process that parses the settings, so that pydantic's 8 MB of memory end with it."""

import subprocess
import sys
from collections.abc import Callable, Sequence

from exporter.settings.config import Config

SERVE = "--serve"  # the child's own flag: a bad setting of a database becomes its problem instead of an exit


def read(
    arguments: Sequence[str] = (),
    *,
    serve: bool = False,
    meanwhile: Callable[[], object] = lambda: None,
    on_start: Callable[[subprocess.Popen[bytes]], None] = lambda _: None,
) -> Config:
    """Return the settings of the environment and of the flags given.

    Args:
        arguments: the command line's flags.
        serve: whether a database that cannot be used is kept with its problem; otherwise it ends the process.
        meanwhile: called while the child works: imports beside it save a third of a second of every start.
        on_start: receives the child. A signal from the keyboard does not reach it, so a caller that ends early must
            end it.

    Raises:
        SystemExit: 2 after the child has printed one line about a wrong value; 0 after it has printed the help.
    """
    command = [sys.executable, "-m", "exporter.settings.model", *([SERVE] if serve else []), *arguments]
    if "--help" in arguments or "-h" in arguments:
        raise SystemExit(subprocess.run(command, check=False).returncode)  # noqa: S603 - our own module
    # JSON on a pipe keeps secrets out of the environment and of the process list.
    with subprocess.Popen(command, stdout=subprocess.PIPE, process_group=0) as child:  # noqa: S603 - our own module
        on_start(child)
        meanwhile()
        found, _ = child.communicate()
    if child.returncode:
        raise SystemExit(2)
    return Config.from_json(found)
