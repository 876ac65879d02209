"""The exporter as a user runs it: a process with a clean environment, reached over HTTP only."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families

from tests.support import client, processes
from tests.support.client import Answer, StallDetector
from tests.support.ports import free_port
from tests.support.server_factory import ServerFactory
from tests.support.waiting import until

DEADLINE = 0.9  # PROBE_TIMEOUT of 0.8 s and the 0.1 s that the contract adds
INHERITED = ("PATH", "LANG", "LD_LIBRARY_PATH", "COVERAGE_PROCESS_START")
QUICK = {"PROBE_INTERVAL": "0.5", "FRESH_PROBE_INTERVAL": "0", "LOG_LEVEL": "info"}

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def parse(text: str) -> Samples:
    """Every sample of an exposition by name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def _kind(environment: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    """The settings that decide what a healthy exporter holds: of an address its driver, host and parameters."""
    url = urlsplit(environment.get("DATABASE_URL", ""))
    return frozenset({**environment, "DATABASE_URL": f"{url.scheme}://{url.hostname}?{url.query}"}.items())


class Exporter:
    """One `python -m exporter serve`, and a client that times every answer of `/healthz`."""

    def __init__(
        self,
        server_factory: ServerFactory,
        environment: Mapping[str, str],
        *,
        stall_detector: StallDetector,
        prefix: Sequence[str] = (),
        arguments: Sequence[str] = ("serve",),
    ) -> None:
        """Start it and return once its port listens; every command of the prefix must exec the next."""
        self._again = partial(
            Exporter, server_factory, environment, stall_detector=stall_detector, prefix=prefix, arguments=arguments
        )
        self.kind = _kind(environment)
        self.host, self.port = "127.0.0.1", free_port()
        self.folder = server_factory.folder("exporter")
        self.stall_detector = stall_detector
        self.answers: list[Answer] = []
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        places = {
            "LISTEN_HOST": self.host,
            "LISTEN_PORT": str(self.port),
            "APP_POOL_LISTEN": f"127.0.0.1:{free_port()}/udp",
        }
        root = Path(__file__).parents[2]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*prefix, sys.executable, "-m", "exporter", *arguments],
                cwd=self.folder,
                env={**inherited, "PYTHONPATH": str(root), **QUICK, **places, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.started = time.monotonic()
        until(self._listening, within=20, what="the exporter listens", every=0.01)
        self.listened = time.monotonic()

    def start_another(self) -> "Exporter":
        """Start another with the same settings; the caller closes it."""
        return self._again()

    # Requests

    def get(self, path: str, *, method: str = "GET", accept: str | None = None) -> Answer:
        """Send one request, timed."""
        return client.get(
            self.host,
            self.port,
            path,
            method=method,
            headers={"Accept": accept} if accept else {},
            pid=self.process.pid,
            stall_detector=self.stall_detector,
        )

    def health(self) -> Answer:
        """Ask `/healthz?verbose`: it must answer within the deadline, whatever the database does."""
        answer = self.get("/healthz?verbose")
        self.answers.append(answer)
        assert answer.seconds <= DEADLINE, f"/healthz took {answer.seconds:.3f} s\n{self.log()[-3000:]}"
        return answer

    def samples(self, *names: str) -> Samples:
        """Every sample of `/metrics`, or only those of the named metrics, which costs a test much less."""
        answer = self.get("/metrics?" + "&".join(f"name[]={name}" for name in names))
        assert answer.status == 200, answer.text
        return parse(answer.text)

    def sample(self, name: str, **labels: str) -> float:
        """The sum of the samples of this name that carry these labels; fails where there is none."""
        wanted = labels.items()
        samples = self.samples(name).items()
        found = [value for (key, have), value in samples if key == name and wanted <= set(have)]
        assert found, f"no sample {name}{labels}"
        return sum(found)

    def outcomes(self, path: str = "pooled", database: str | None = None) -> dict[str, int]:
        """How often each outcome was counted so far, zeros left out."""
        counted: dict[str, int] = {}
        for (name, labels), value in self.samples("dbhealth_probes_total").items():
            have = dict(labels)
            mine = name == "dbhealth_probes_total" and have["path"] == path
            if mine and value and database in {None, have["database"]}:
                counted[have["outcome"]] = counted.get(have["outcome"], 0) + int(value)
        return counted

    def verdict(self, database: str | None = None) -> str:
        """The one verdict whose sample is 1."""
        samples = self.samples("dbhealth_verdict").items()
        found = [dict(labels) for (_, labels), value in samples if value == 1]
        true = [have["verdict"] for have in found if database in {None, have["database"]}]
        assert len(true) == 1, true
        return true[0]

    # Waiting

    def wait_for(self, outcome: str, *, within: float, path: str = "pooled") -> float:
        """Wait for the next probe with this outcome, polling `/healthz`; the seconds it took."""
        began = time.monotonic()
        before = self.outcomes(path).get(outcome, 0)
        return self._wait(
            lambda: self.outcomes(path).get(outcome, 0) > before,
            within=within,
            what=f"outcome {outcome} on {path}, had {before} before",
            began=began,
        )

    def wait_for_verdict(self, verdict: str, *, within: float) -> float:
        """Wait for a verdict, polling `/healthz`; the seconds it took."""
        began = time.monotonic()
        return self._wait(lambda: self.verdict() == verdict, within=within, what=f"verdict {verdict}", began=began)

    def _wait(self, condition: Callable[[], bool], *, within: float, what: str, began: float) -> float:
        def asked() -> bool:
            self.health()
            return condition()

        try:
            until(asked, within=within, what=what, every=0.1)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.history()}") from error
        return time.monotonic() - began

    def history(self) -> str:
        """What happened so far, for a failed test's message."""
        return "\n".join(
            [
                *(f"{p}: {self.outcomes(p)}" for p in ("pooled", "fresh", "write")),
                f"verdict: {self.verdict()}",
                self.get("/healthz?verbose").text,
                self.log()[-4000:],
            ],
        )

    # Counting

    def holdings(self) -> processes.Holdings:
        """Threads, files and sockets of the process."""
        return processes.holdings(self.process.pid)

    def tasks(self) -> int:
        """Tasks of its event loop."""
        return int(self.sample("dbhealth_asyncio_tasks"))

    def log(self) -> str:
        """What it wrote so far."""
        return (self.folder / "log").read_text(errors="replace")

    def complaints(self) -> list[str]:
        """Lines of its log that no user should ever see."""
        return re.findall(r"(?m)^.*(?:Traceback|never awaited|was destroyed|Unhandled).*$", self.log())

    # Ending

    def terminate(self) -> int:
        """SIGTERM, and the exit status."""
        self.process.terminate()
        return self.process.wait(timeout=10)

    def close(self) -> None:
        """End it, whatever its state."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def _listening(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"the exporter ended with {self.process.returncode}: {self.log()[-4000:]}")
        try:
            self.get("/livez")
        except ConnectionRefusedError:
            return False
        return True
