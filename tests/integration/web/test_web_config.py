"""The metrics listener under a web configuration, asked by real clients of TLS; the database is of no account."""

import os
import re
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import StartExporter
from tests.support.certificates import Authority
from tests.support.exporter import Exporter
from tests.support.needs import need_tools
from tests.support.ports import free_port
from tests.support.server_factory import ServerFactory
from tests.support.waiting import until
from tests.support.web_config import TLS, USERS, WebConfigFolder, ask, client_certificate, client_context

NOWHERE = "postgresql://app@127.0.0.1:1/app"
VERIFY = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: client-ca.crt\n"

Start = Callable[[str], tuple[Exporter, int]]


@pytest.fixture
def web(server_factory: ServerFactory, authority: Authority) -> WebConfigFolder:
    """The configuration's folder."""
    return WebConfigFolder(server_factory.folder("web"), authority)


@pytest.fixture
def start(web: WebConfigFolder, start_exporter: StartExporter) -> Start:
    """Start an exporter with a configuration; returns it and its metrics port."""

    def run(text: str) -> tuple[Exporter, int]:
        web.configure(text)
        port = free_port()
        made = start_exporter(NOWHERE, METRICS_PORT=str(port), WEB_CONFIG_FILE=web.path)
        return made, port

    return run


def status(port: int, context: ssl.SSLContext | None, path: str = "/metrics", credentials: str | None = None) -> int:
    """The status alone."""
    return ask(port, context, path, credentials=credentials)[0]


def refused(port: int, context: ssl.SSLContext) -> bool:
    """Whether the server lets no request of this client through."""
    try:
        ask(port, context)
    except OSError:
        return True
    return False


def reloaded(port: int, context: ssl.SSLContext | None, expected: float) -> None:
    """Wait for the metric of the latest change."""
    line = f"dbhealth_web_config_last_reload_successful {expected:g}"
    until(lambda: re.search(f"(?m)^{line}", ask(port, context)[1]), within=10, what=line)


def test_tls_and_a_password_on_the_metrics_port_alone(start: Start, web: WebConfigFolder) -> None:
    """Probes stay as plain as they were."""
    exporter, port = start(TLS + USERS)
    client = client_context(web.root)

    assert status(port, client) == 401
    assert ask(port, client)[0] == 200
    assert ask(port, client, "/")[0] == 200
    assert status(port, client, "/healthz") == 401
    for path, expected in (("/healthz", 503), ("/readyz", 503), ("/livez", 200), ("/app/livez", 200)):
        assert exporter.get(path).status == expected
    answer, text = ask(port, None)
    assert (answer, text.rpartition("\r\n")[2]) == (400, "this port needs HTTPS\n")


@pytest.mark.extended
def test_other_authorities_are_not_trusted(start: Start, web: WebConfigFolder, tmp_path: Path) -> None:
    """A client's certificate is verified, and its names are compared."""
    _, port = start(TLS + VERIFY + "  client_allowed_sans: [scraper.example, 10.1.2.3, 'spiffe://x/y']\n")
    authority = web._authority
    good = client_context(web.root, certificate=client_certificate(authority, tmp_path, "x", "scraper.example"))
    address = client_context(web.root, certificate=client_certificate(authority, tmp_path, "10.1.2.3"))
    other = client_context(web.root, certificate=client_certificate(authority, tmp_path, "other.example"))
    stranger = client_certificate(Authority("strangers"), tmp_path, "scraper.example")

    assert status(port, good) == 200
    assert status(port, address) == 200
    assert status(port, other) == 403
    assert refused(port, client_context(web.root))
    assert refused(port, client_context(web.root, certificate=stranger))


@pytest.mark.extended
def test_a_certificate_that_is_given_is_verified(start: Start, web: WebConfigFolder, tmp_path: Path) -> None:
    """And one that is not given is not missed."""
    _, port = start(f"{TLS}  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: client-ca.crt\n")
    known = client_certificate(web._authority, tmp_path, "scraper.example")
    stranger = client_certificate(Authority("strangers"), tmp_path, "other.example")

    assert status(port, client_context(web.root)) == 200
    assert status(port, client_context(web.root, certificate=known)) == 200
    assert refused(port, client_context(web.root, certificate=stranger))


@pytest.mark.extended
@pytest.mark.parametrize(
    ("section", "accepted", "rejected"),
    [
        ("", ["-tls1_2", "-tls1_3"], ["-tls1_1 -cipher DEFAULT:@SECLEVEL=0"]),
        ("min_version: TLS13", ["-tls1_3"], ["-tls1_2"]),
        ("max_version: TLS12", ["-tls1_2"], ["-tls1_3"]),
        (
            "min_version: TLS10",
            ["-tls1_3", "-tls1_1 -cipher DEFAULT:@SECLEVEL=0", "-tls1 -cipher DEFAULT:@SECLEVEL=0"],
            [],
        ),
        (
            "cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]",
            ["-tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384", "-tls1_3"],
            ["-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256"],
        ),
        ("cipher_suites: [TLS_AES_128_GCM_SHA256]", ["-tls1_3"], ["-tls1_2"]),
        ("curve_preferences: [CurveP384]", ["-groups P-384"], ["-groups P-521", "-groups X25519"]),
    ],
)
def test_versions_ciphers_and_curves(
    start: Start, web: WebConfigFolder, section: str, accepted: list[str], rejected: list[str]
) -> None:
    """As openssl's own client negotiates them."""
    need_tools("openssl")
    _, port = start(f"{TLS}  {section}\n")

    def negotiate(options: str) -> bool:
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", web.root, *options.split()]
        done = subprocess.run(command, input="", capture_output=True, text=True, check=False, timeout=20)
        return done.returncode == 0 and "Verify return code: 0 (ok)" in done.stdout

    assert {each: negotiate(each) for each in accepted} == dict.fromkeys(accepted, True)
    assert {each: negotiate(each) for each in rejected} == dict.fromkeys(rejected, False)


@pytest.mark.extended
@pytest.mark.parametrize(("prefer", "chosen"), [("true", "CHACHA20"), ("false", "AES128")])
def test_whose_order_of_ciphers_counts(start: Start, web: WebConfigFolder, prefer: str, chosen: str) -> None:
    """The server's by default."""
    suites = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
    _, port = start(
        f"{TLS}  cipher_suites: [{suites}]\n  prefer_server_cipher_suites: {prefer}\n  max_version: TLS12\n"
    )
    client = client_context(web.root)
    client.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305")

    with (
        socket.create_connection(("127.0.0.1", port)) as raw,
        client.wrap_socket(raw, server_hostname="localhost") as connection,
    ):
        cipher = connection.cipher()
    assert cipher is not None
    assert chosen in cipher[0]


@pytest.mark.extended
def test_what_is_asked_for_and_done_in_another_way_is_on_the_log(start: Start) -> None:
    """One line each."""
    exporter, _ = start(f"{TLS}http_server_config: {{http2: true}}\n")

    assert exporter.log().count("http_server_config.http2: HTTP/2 is not served, HTTP/1.1 is") == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("tls_server_config: {cert_file: missing, key_file: server.key}", "tls_server_config.cert_file names a file"),
        ("basic_auth_users: {a: Zq7Xw9}", "basic_auth_users.a must be a bcrypt hash"),
    ],
)
@pytest.mark.sampled(1)
def test_a_file_that_cannot_be_used_ends_the_start(web: WebConfigFolder, text: str, problem: str) -> None:
    """Status 2, one sentence with the file and the key, no traceback and no secret."""
    web.configure(text)
    done = run_exporter(WEB_CONFIG_FILE=web.path, METRICS_PORT=str(free_port()))

    assert done.returncode == 2
    assert done.stderr.startswith(f"db-health-exporter: WEB_CONFIG_FILE {web.path}: ")
    assert problem in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "Zq7Xw9" not in done.stderr


def test_the_metrics_port_is_needed(web: WebConfigFolder) -> None:
    """Else probes would meet TLS."""
    web.configure(TLS)
    done = run_exporter(WEB_CONFIG_FILE=web.path)

    assert done.returncode == 2
    assert done.stderr == (
        "db-health-exporter: WEB_CONFIG_FILE needs METRICS_PORT, a port beside LISTEN_PORT:"
        " kubelets probe without TLS\n"
    )


def run_exporter(**environment: str) -> subprocess.CompletedProcess[str]:
    """Start one that must end at once."""
    places = {"LISTEN_PORT": str(free_port()), "APP_POOL_LISTEN": "off", "DATABASE_URL": NOWHERE}
    return subprocess.run(
        [sys.executable, "-m", "exporter"],
        cwd=Path(__file__).parents[3],
        env={"PATH": os.environ["PATH"], **places, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def serial(port: int, context: ssl.SSLContext) -> str:
    """The serial number of the certificate that a new connection is shown."""
    with (
        socket.create_connection(("127.0.0.1", port)) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as connection,
    ):
        return str((connection.getpeercert() or {})["serialNumber"])


def test_a_renewed_certificate_is_shown_without_a_restart(start: Start, web: WebConfigFolder) -> None:
    """To new connections; one that is open answers once more and closes, and its client loses nothing."""
    _, port = start(TLS)
    context = client_context(web.root)
    before = serial(port, context)
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as kept,
    ):
        kept.sendall(b"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"Connection: close" not in kept.recv(65536)
        web.renew()
        until(lambda: serial(port, context) != before, within=10, what="the renewed certificate is shown")
        kept.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b"".join(iter(lambda: kept.recv(65536), b""))

    assert answer.startswith(b"HTTP/1.1 200")
    assert b"Connection: close" in answer


@pytest.mark.sampled(1)
def test_a_broken_change_keeps_the_old_and_says_so(start: Start, web: WebConfigFolder) -> None:
    """By the log once, a metric and the page; what mends it is taken."""
    exporter, port = start(TLS + USERS)
    context = client_context(web.root)
    before = serial(port, context)
    changes: list[tuple[Callable[[], object], Callable[[], object], str]] = [
        (lambda: web.configure("x: 1"), lambda: web.configure(TLS + USERS), 'the file has the unknown key "x"'),
        (
            lambda: web.write(**{"server.key": b"-----BEGIN PRIVATE KEY-----"}),
            web.renew,
            "tls_server_config.key_file are no certificate and key",
        ),
    ]
    for break_it, mend, problem in changes:
        break_it()
        reloaded(port, context, 0)
        assert serial(port, context) == before
        assert "the former configuration stays in use" in ask(port, context, "/")[1]
        time.sleep(2.5)  # two more looks at the same files
        assert exporter.log().count(problem) == 1
        mend()
        reloaded(port, context, 1)
        assert "the former configuration" not in ask(port, context, "/")[1]
    assert serial(port, context) != before


@pytest.mark.extended
def test_tls_and_passwords_are_turned_on_and_off(start: Start, web: WebConfigFolder) -> None:
    """Without a restart."""
    exporter, port = start("")
    context = client_context(web.root)
    assert status(port, None) == 200

    web.configure(TLS + USERS)
    until(lambda: not refused(port, context), within=10, what="TLS is on")
    assert status(port, context) == 401
    web.configure(TLS)
    until(lambda: status(port, context) == 200, within=10, what="no password is asked for")
    web.configure("")
    until(lambda: refused(port, context), within=10, what="TLS is off")
    assert status(port, None) == 200
    assert re.findall("is in use: (.*)", exporter.log()) == [
        "with TLS, with passwords",
        "with TLS, without passwords",
        "without TLS, without passwords",
    ]


@pytest.mark.extended
def test_a_certificate_that_comes_after_the_file_is_taken(start: Start, web: WebConfigFolder) -> None:
    """The file names it before it is there."""
    _, port = start(TLS)
    context = client_context(web.root)
    web.configure("tls_server_config: {cert_file: later.crt, key_file: later.key}")
    reloaded(port, context, 0)
    pair = web._authority.server("localhost")
    web.write(**{"later.crt": pair.certificate, "later.key": pair.key})

    reloaded(port, context, 1)


@pytest.mark.extended
def test_a_file_that_comes_later_opens_the_listener(web: WebConfigFolder, start_exporter: StartExporter) -> None:
    """With a `-` before its path nothing ends: the port gives nothing away, and the probes answer."""
    port = free_port()
    exporter = start_exporter(NOWHERE, METRICS_PORT=str(port), WEB_CONFIG_FILE=f"-{web.path}")
    for path in ("/metrics", "/", "/healthz"):
        found, answer = ask(port, None, path)
        assert found == 503
        assert "dbhealth" not in answer
    assert exporter.get("/livez").status == 200
    assert "a file that does not exist; METRICS_PORT answers 503 until that is mended" in exporter.log()

    web.configure("x: 1")
    until(lambda: 'unknown key "x" (line 1); METRICS_PORT answers 503' in exporter.log(), within=10, what="the problem")
    assert status(port, None) == 503
    web.configure(TLS)
    context = client_context(web.root)
    until(lambda: not refused(port, context), within=10, what="TLS is served")
    reloaded(port, context, 1)


@pytest.mark.extended
def test_handshakes_that_never_end_take_no_place(start: Start, web: WebConfigFolder) -> None:
    """Of many idle connections the oldest are aborted; a client that shakes hands is served meanwhile."""
    exporter, port = start(TLS)
    context = client_context(web.root)
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(200)]
    try:
        until(lambda: status(port, context) == 200, within=10, what="an answer beside 200 idle connections")
        assert exporter.get("/livez").status == 200
        assert exporter.holdings().sockets < 120
    finally:
        for each in idle:
            each.close()


@pytest.mark.extended
def test_a_refused_handshake_ends_with_the_alert_that_says_why(start: Start, web: WebConfigFolder) -> None:
    """Not with a reset alone, in which a client cannot tell its own version from a broken network."""
    _, port = start(f"{TLS}  min_version: TLS13\n")
    client = client_context(web.root)
    client.maximum_version = ssl.TLSVersion.TLSv1_2

    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as raw,
        pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"),
    ):
        client.wrap_socket(raw, server_hostname="localhost")
