"""What the fuzzers share: a process that serves any environment, in a network where nothing leads outside."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.fuzz.environments import Environment
from tests.fuzz.serving import Served
from tests.fuzz.texts import MARK
from tests.support.network import Network
from tests.support.server_factory import ServerFactory
from tests.support.template import Template

ROOT = Path(__file__).parents[2]


class Serving:
    """The process of `serving.py`."""

    def __init__(self, server_factory: ServerFactory, network: Network) -> None:
        """Start it; it is ready with its first answer."""
        self.folder = server_factory.folder("serving")
        self._process = subprocess.Popen(
            [*network.prefix, sys.executable, "-m", "tests.fuzz.serving", str(self.folder)],
            cwd=self.folder,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def serve(self, environment: Environment) -> Served:
        """Serve one environment to its end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = asdict(environment)
        self._process.stdin.write(json.dumps({"environment": request["variables"], "files": request["files"]}) + "\n")
        self._process.stdin.flush()
        found = json.loads(self._process.stdout.readline())
        return Served(**{**found, "answers": {path: tuple(each) for path, each in found["answers"].items()}})

    def close(self) -> None:
        """End it."""
        self._process.communicate()


@pytest.fixture(scope="module")
def serving(server_factory: ServerFactory, template: Template, subnets: Iterator[str]) -> Iterator[Serving]:
    """A process that serves environments; a PostgreSQL listens there on the usual port."""
    network = Network(server_factory, next(subnets))
    server = template.copy(prefix=network.prefix)
    server.port = 5432
    server.start()
    server.sql(f"ALTER ROLE app PASSWORD '{MARK}'")
    made = Serving(server_factory, network)
    yield made
    made.close()
    server.close()
    network.close()
