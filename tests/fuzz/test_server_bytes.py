"""Whatever bytes a database's peer sends, every probe ends in time, in an outcome that blames the peer."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given

from exporter.model.outcome import Outcome
from tests.fuzz.attacked import Attacked
from tests.fuzz.budget import examples
from tests.fuzz.corpus import corpus
from tests.fuzz.server_bytes import Peer, Script, scripts
from tests.fuzz.texts import MARK, tells
from tests.support.background import Background, Listener
from tests.support.client import StallDetector
from tests.support.exporter import DEADLINE, Exporter
from tests.support.postgres import SCHEMES
from tests.support.server_factory import ServerFactory

SOCKETS = 10  # beyond those that the process has at first: a session and one that ends, of each probe path
# libpq refuses what asyncpg accepts: the exporter cannot tell which is right, and says so with libpq's words.
UNDECIDED = "UnexplainedConnectError"


class Probed:
    """An exporter whose every `/healthz` probes a peer anew."""

    def __init__(self, peer: Peer, exporter: Exporter) -> None:
        """Note what it holds at first."""
        self._peer, self._exporter = peer, exporter
        self._attacked = Attacked(exporter, sockets=SOCKETS)

    def probe(self, script: Script) -> None:
        """Have it meet a script twice, on the session that it has and on a new one, and assert what always holds."""
        self._peer.script = script
        assert self._exporter.process.poll() is None, self._exporter.log()[-4000:]
        for _ in range(2):
            answer = self._exporter.get("/healthz?verbose")
            assert answer.status in {200, 503}
            assert answer.seconds <= DEADLINE, answer
            assert not tells(answer.text)
        outcomes = set(self._exporter.outcomes()) | set(self._exporter.outcomes("fresh"))
        assert outcomes <= {each.value for each in Outcome}
        log = self._attacked.new_log()
        errors = [line for line in log.splitlines() if "fails: error" in line and UNDECIDED not in line]
        assert not errors, errors
        assert "never" not in log, log
        self._attacked.is_well(within=10)


@pytest.fixture(scope="module", params=list(SCHEMES))
def probed(
    request: pytest.FixtureRequest,
    background: Background,
    server_factory: ServerFactory,
    stall_detector: StallDetector,
) -> Iterator[Probed]:
    """One exporter for each driver: what a peer did must not harm the next probe."""
    peer = Peer()
    listener = Listener(background, peer.serve)
    urls = {
        mode: f"{SCHEMES[request.param]}://app:{MARK}@{listener.host}:{listener.port}/app?sslmode={mode}"
        for mode in ("disable", "prefer")
    }
    settings = {"HEALTH_MAX_AGE": "0", "PROBE_INTERVAL": "60", "FRESH_PROBE_INTERVAL": "0.5"}
    exporter = Exporter(server_factory, {"DATABASES": json.dumps(urls), **settings}, stall_detector=stall_detector)
    yield Probed(peer, exporter)
    exporter.close()
    listener.close()


@pytest.mark.timeout(7200)
def test_server_bytes(probed: Probed) -> None:
    """By both drivers, with TLS asked for and without."""

    @examples(short=40, long=1500)
    @given(scripts())
    @corpus("server_bytes", Script.from_json)
    def try_out(script: Script) -> None:
        probed.probe(script)

    try_out()
