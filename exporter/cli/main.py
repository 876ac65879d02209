"""The command line: arguments and dispatch."""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from typing import TYPE_CHECKING, NoReturn

from exporter import __version__
from exporter.cli.process import USAGE_ERROR, exit_on_signal, run_command, run_service

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from subprocess import Popen

    from exporter.settings.config import Config

COMMANDS = {
    "serve": "watch the databases and answer probes and scrapes (the default)",
    "check": "probe once, print one line; exit status 0 healthy, 1 not, 2 bad settings",
    "wait": "wait until the database answers; --timeout 60s",
    "init-db": "create DATABASE_EXTENSIONS and the heartbeat table, all or nothing",
    "demo": "an embedded PostgreSQL, a busy application and the exporter, to play with",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] in (["help"], ["--help"], ["-h"]):
        return _help()
    if given[:1] == ["--version"]:
        return _version()
    command = given.pop(0) if given and not given[0].startswith("-") else "serve"
    if any(each in COMMANDS and not before.startswith("--") for before, each in pairwise(given)):
        return _refuse("the command comes first: db-health-exporter COMMAND --SETTING VALUE")
    if command not in COMMANDS:
        known = ", ".join(COMMANDS)
        return _refuse(f"unknown command {command!r}: there are {known}")
    if command == "demo":
        return _demo(given)
    children: list[Popen[bytes]] = []
    exit_on_signal(children, status=0 if command == "serve" else None)
    from exporter.settings import loader

    own, rest = _own_flags(command).parse_known_args(given)
    module = "exporter.cli.serve" if command == "serve" else "exporter.cli.commands"
    read = partial(loader.read, rest, serve=command == "serve", on_start=children.append)
    return _run(command, own, read(meanwhile=lambda: import_module(module)), read)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Print one line, as for a wrong setting; argparse would repeat the usage."""
        self.exit(USAGE_ERROR, f"db-health-exporter: {message}\n")


def _own_flags(command: str) -> argparse.ArgumentParser:
    parser = _Parser(prog=f"db-health-exporter {command}", add_help=False, allow_abbrev=False)
    if command == "wait":
        parser.add_argument("--timeout", type=_duration, default=60.0)
    if command == "check":
        parser.add_argument("--explain", action="store_true")
    return parser


def _duration(text: str) -> float:
    from exporter.settings.durations import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _run(command: str, own: argparse.Namespace, config: Config, read_again: Callable[[], Config]) -> int:
    from exporter.dsn import isolate
    from exporter.runtime import logs

    isolate(os.environ)
    logs.set_up(style=config.log_format, level=config.log_level)
    if command == "serve":
        from exporter.cli.serve import serve

        return run_service(lambda stop: serve(config, stop, read_again=read_again))
    from exporter.cli import commands

    if command == "check" and own.explain:
        from exporter.cli.explain import explain

        return run_command(explain(config))
    if command == "check":
        return run_command(commands.check(config))
    if command == "wait":
        return run_command(commands.wait(config, timeout=own.timeout))
    return run_command(commands.init_db(config))


def _demo(arguments: Sequence[str]) -> int:
    """Run the demo where its distribution is installed; the image does not contain it, and nothing else imports it."""
    if find_spec("db_health_demo") is None:
        return _refuse("the demo is a package of its own: pip install db-health-demo, or make demo in a checkout")
    return int(import_module("db_health_demo.main").main(arguments))


def _help() -> int:
    print("usage: db-health-exporter [COMMAND] [--SETTING VALUE ...]\n")  # noqa: T201 - a command's answer
    for name, text in COMMANDS.items():
        print(f"  {name:<10}{text}")  # noqa: T201
    print("\nEvery setting is a flag and an environment variable; `db-health-exporter serve --help` lists them.")  # noqa: T201
    return 0


def _version() -> int:
    print(__version__)  # noqa: T201 - a command's answer
    return 0


def _refuse(sentence: str) -> int:
    print(f"db-health-exporter: {sentence}", file=sys.stderr)  # noqa: T201
    return USAGE_ERROR
