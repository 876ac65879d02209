"""Whatever bytes an HTTP client sends, to either port: a known answer or an end, and the next client is served."""

# ruff: noqa: E501 - lists of many values read best as a few on a line
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.attacked import Attacked
from tests.fuzz.budget import examples
from tests.fuzz.corpus import corpus
from tests.fuzz.texts import MARK, maybe, tells
from tests.support.certificates import Authority
from tests.support.client import StallDetector
from tests.support.exporter import Exporter
from tests.support.ports import free_port
from tests.support.server_factory import ServerFactory
from tests.support.web_config import CREDENTIALS, TLS, USERS, WebConfigFolder, client_context

STATUSES = {200, 400, 401, 404, 405, 408, 411, 413, 417, 429, 431, 503, 505}
PAUSE = 0.05  # seconds without another byte, after which the client ends
SOCKETS = 20  # beyond those that the process has at first
PATHS = ("/", "/metrics", "/healthz", "/readyz?verbose", "/livez", "/healthz?database=%ff", "/metrics?name[]=up", "*",
         "http://x/healthz", "//", "/%00", "/..%2f..%2fetc/passwd", "/\xff", "/healthz#x", "x:443", "")  # fmt: skip
METHODS = ("GET", "GET", "GET", "HEAD", "POST", "PUT", "OPTIONS", "CONNECT", "TRACE", "PRI", "get", "G\0T", "")
VERSIONS = ("HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/0.9", "HTTP/1.1.1", "HTTP/x", "")
HEADERS = (
    "Host: x", "Host:", "Host: x\r\nHost: y", "Connection: close", "Connection: keep-alive, Upgrade\r\nUpgrade: websocket",
    "Upgrade: h2c\r\nHTTP2-Settings: AA", "Content-Length: 5", "Content-Length: -1", "Content-Length: 99999999999999999999",
    "Content-Length: 1, 2", "Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: \x0bchunked",
    "Expect: 100-continue", "Expect: x", "Accept: application/json", "Accept: */*;q=2, ,;,text/plain;q=x",
    "Accept: application/openmetrics-text; version=9", "Accept-Encoding: gzip;q=0, identity", "Accept-Encoding: br, *",
    f"Authorization: Basic {CREDENTIALS}", "Authorization: Basic", "Authorization: Basic ====", f"Authorization: Bearer {MARK}",
    f"Authorization: Basic {CREDENTIALS}\r\nAuthorization: Basic x", "Cookie: a=b; c", "Range: bytes=0-1", "If-Modified-Since: x",
    "X: " + "a" * 9000, " folded", "X", ": x", "X y: z", "X:\x00", "X: \xff", "Content-Encoding: deflate",
)  # fmt: skip
BODIES = (
    "",
    "hello",
    "5\r\nhello\r\n0\r\n\r\n",
    "zz\r\n",
    "ffffffffffffffff\r\n",
    '5;x="\r\nhello\r\n0\r\nX: y\r\n\r\n',
)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """One request or some behind each other, nearly right, with bytes damaged or the end missing at times."""
    found = []
    for _ in range(draw(st.integers(1, 3))):
        first = " ".join(draw(st.sampled_from(each)) for each in (METHODS, PATHS, VERSIONS))
        headers = draw(st.lists(st.sampled_from(HEADERS), max_size=4))
        end = draw(st.sampled_from(["\r\n"] * 8 + ["\n", "\r"]))
        found.append(end.join([first, *headers, "", ""]) + draw(st.sampled_from(BODIES)))
    sent = "".join(found).encode("latin-1")
    if draw(maybe(5)):
        place = draw(st.integers(0, len(sent)))
        sent = sent[:place] + draw(st.binary(max_size=5)) + sent[place + draw(st.integers(0, 5)) :]
    return sent[: draw(st.integers(0, len(sent)))] if draw(maybe(8)) else sent


class Listeners:
    """An exporter with a plain port, and one with TLS and passwords."""

    def __init__(self, exporter: Exporter, metrics_port: int, context: ssl.SSLContext) -> None:
        """Note what it holds at first."""
        self._exporter, self._metrics_port, self._context = exporter, metrics_port, context
        self._attacked = Attacked(exporter, sockets=SOCKETS)

    def send(self, sent: bytes) -> None:
        """Send bytes to the plain port, into the handshake and through TLS, and assert what always holds."""
        plain = self._exchange(self._exporter.port, None, sent)
        self._exchange(self._metrics_port, None, sent)
        secured = self._exchange(self._metrics_port, self._context, sent)
        for answer in (plain, secured):
            if answer.startswith(b"HTTP/"):
                assert int(answer.split(b" ", 2)[1]) in STATUSES, answer
            else:
                assert not answer, answer
            assert not tells(answer.decode("latin-1"))
        if CREDENTIALS.encode() not in sent:
            assert b"dbhealth_up" not in secured
        self._attacked.is_well(within=15)
        assert CREDENTIALS not in self._attacked.new_log()

    def _exchange(self, port: int, context: ssl.SSLContext | None, sent: bytes) -> bytes:
        answer = b""
        raw = socket.create_connection((self._exporter.host, port), timeout=10)
        with (
            suppress(OSError),
            raw if context is None else context.wrap_socket(raw, server_hostname="localhost") as connection,
        ):
            connection.sendall(sent)
            connection.settimeout(PAUSE)
            while data := connection.recv(65536):
                answer += data
        return answer


@pytest.fixture(scope="module")
def listeners(
    server_factory: ServerFactory, authority: Authority, stall_detector: StallDetector
) -> Iterator[Listeners]:
    """One for all examples: what one client did must not harm the next."""
    web, port = WebConfigFolder(server_factory.folder("web"), authority), free_port()
    web.configure(TLS + USERS)
    settings = {"METRICS_PORT": str(port), "WEB_CONFIG_FILE": web.path, "PROBE_INTERVAL": "60", "HEALTH_MAX_AGE": "60"}
    database = f"postgresql://app:{MARK}@127.0.0.1:1/app"
    exporter = Exporter(server_factory, {"DATABASE_URL": database, **settings}, stall_detector=stall_detector)
    yield Listeners(exporter, port, client_context(web.root))
    exporter.close()


@pytest.mark.timeout(7200)
def test_http(listeners: Listeners) -> None:
    """By plain TCP and by TLS."""

    @examples(short=20, long=1500)
    @given(requests())
    @corpus("http", bytes)
    def try_out(sent: bytes) -> None:
        listeners.send(sent)

    try_out()
