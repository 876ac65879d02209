"""Each file of prometheus/exporter-toolkit's web/testdata: what its tests accept is accepted, what they refuse refused.

The files are written anew, by what each is about; the names are theirs. web/tls_config_test.go has the error of each.
Older names of the same files begin with `tls_config_` in place of `web_config_`.
"""

from pathlib import Path

import pytest

from exporter.web.config.load import LoadedConfig
from exporter.web.config.model import WebConfig, WebConfigError
from exporter.web.config.names import CIPHERS, CURVES, TLS13_CIPHERS
from exporter.web.config.parse import parse_file
from tests.support.certificates import Authority, Pair
from tests.support.web_config import HASH

PAIR = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
IF_GIVEN = f"{PAIR}  client_auth_type: VerifyClientCertIfGiven\n"
VERIFIED = f"{PAIR}  client_auth_type: RequireAndVerifyClientCert\n"
ECDHE_128, ECDHE_256 = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"


def indented(pem: bytes) -> str:
    """PEM as a block of YAML."""
    return "|\n" + "".join(f"    {line}\n" for line in pem.decode().splitlines())


USERS = "basic_auth_users:\n" + "".join(
    f"  {name}: {HASH.replace('$04$', f'${cost}$')}\n" for name, cost in (("ann", "12"), ("ben", "18"), ("cat", "10"))
)

ACCEPTED = {
    "web_config_empty.yml": "",
    "web_config_noAuth.good.yml": IF_GIVEN,
    # Blocks whoever has no certificate: the file itself is good.
    "web_config_noAuth.good.blocking.yml": VERIFIED,
    "tls_config_noAuth.good.blocking.yml": f"{VERIFIED}  client_ca_file: authorities.pem\n",
    "tls_config_noAuth.requireandverifyclientcert.good.yml": f"{VERIFIED}  client_ca_file: client.pem\n",
    # Served as RequireAndVerifyClientCert: its clients need a certificate of the authority. The log says so.
    "tls_config_noAuth.requireanyclientcert.good.yml": (
        f"{PAIR}  client_auth_type: RequireAnyClientCert\n  client_ca_file: authorities.pem\n"
    ),
    "web_config_noAuth_tlsInline.good.yml": "tls_server_config:\n  cert: {cert}  key: {key}",
    "web_config_noAuth_allCiphers.good.yml": (
        f"{IF_GIVEN}  cipher_suites:\n" + "".join(f"  - {each}\n" for each in [*CIPHERS, *sorted(TLS13_CIPHERS)])
    ),
    "web_config_noAuth_someCiphers.good.yml": (
        f"{IF_GIVEN}  cipher_suites: [{ECDHE_128}, {ECDHE_256}]\n  min_version: TLS12\n  max_version: TLS12\n"
    ),
    "web_config_noAuth_someCiphers_noOrder.good.yml": (
        f"{IF_GIVEN}  cipher_suites: [{ECDHE_256}, {ECDHE_128}]\n  max_version: TLS12\n"
        "  prefer_server_cipher_suites: false\n"
    ),
    # Before Python 3.15 the first that can be set is offered. The log says so.
    "web_config_noAuth_allCurves.good.yml": f"{IF_GIVEN}  curve_preferences: [{', '.join(CURVES)}]\n",
    "web_config_noAuth_someCurves.good.yml": f"{IF_GIVEN}  min_version: TLS13\n  curve_preferences: [CurveP521]\n",
    "web_config_noAuth_noHTTP2.good.yml": (
        f"{IF_GIVEN}  cipher_suites: [{ECDHE_256}]\n  max_version: TLS12\nhttp_server_config: {{http2: false}}\n"
    ),
    # Go refuses a list without the suite that HTTP/2 needs. HTTP/2 is never served here, so that the file can be.
    "web_config_noAuth_noHTTP2Cipher.bad.yml": (
        f"{IF_GIVEN}  cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]\n  max_version: TLS12\n"
    ),
    "web_config_headers.good.yml": (
        "http_server_config:\n  headers:\n    X-Frame-Options: sameorigin\n    X-Content-Type-Options: nosniff\n"
        "    X-XSS-Protection: 0\n    Strict-Transport-Security: max-age=60; includeSubDomains\n"
        "    Content-Security-Policy: \"default-src 'none'\"\n"
    ),
    "web_config_auth_client_san.good.yaml": f"{VERIFIED}  client_ca_file: client.pem\n  client_allowed_sans: [a, b]\n",
    # Its client has another name and is refused: the file itself is good.
    "web_config_auth_client_san.bad.yaml": f"{VERIFIED}  client_ca_file: client.pem\n  client_allowed_sans: [other]\n",
    "web_config_rate_limiter_nonblocking.yaml": "rate_limit:\n  interval: 0\n  burst: 0\n",
    # Every request is refused, there and here. The log says so.
    "web_config_rate_limiter_one_second.yaml": 'rate_limit:\n  interval: "1s"\n  burst: 0\n',
    "web_config_rate_limiter_headers.yaml": (
        "rate_limit:\n  interval: 2h\n  burst: 1\nhttp_server_config:\n  headers:\n    X-Frame-Options: deny\n"
    ),
    "web_config_users.good.yml": PAIR + USERS,
    "web_config_users_noTLS.good.yml": USERS,
}

REFUSED = {
    "somefile": (None, "a file that does not exist"),
    "web_config_junk.yml": ("hello: [\n", "the file is no YAML"),
    "web_config_junk_key.yml": ("tls_server_config:\n  cert_fille: server.crt\n", 'unknown key "cert_fille"'),
    "web_config_noAuth_certPath_empty.bad.yml": (PAIR.replace("server.crt", "''"), "needs cert_file or cert"),
    "web_config_noAuth_cert_empty.bad.yml": (PAIR.replace("_file: server.crt", ": ''"), "needs cert_file or cert"),
    "web_config_noAuth_keyPath_empty.bad.yml": (PAIR.replace("server.key", "''"), "needs key_file or key"),
    "web_config_noAuth_key_empty.bad.yml": (PAIR.replace("_file: server.key", ": ''"), "needs key_file or key"),
    "web_config_noAuth_certPath_keyPath_empty.bad.yml": (
        "tls_server_config:\n  cert_file: ''\n  key_file: ''\n  client_auth_type: y\n",
        "needs cert_file or cert",
    ),
    "web_config_noAuth_certPath_invalid.bad.yml": (
        PAIR.replace("server.crt", "missing"),
        "cert_file names a file that does not exist",
    ),
    "web_config_noAuth_keyPath_invalid.bad.yml": (
        PAIR.replace("server.key", "missing"),
        "key_file names a file that does not exist",
    ),
    "web_config_noAuth_certPath_keyPath_invalid.bad.yml": (
        PAIR.replace("server.", "missing."),
        "cert_file names a file that does not exist",
    ),
    "web_config_noAuth.bad.yml": (f"{PAIR}  client_ca_file: /dev/null\n", "has a client_ca but no client_auth_type"),
    "web_config_auth_clientCAs_invalid.bad.yml": (
        f"{PAIR}  client_ca_file: missing\n",  # the first of its two defects counts
        "has a client_ca but no client_auth_type",
    ),
    "web_config_auth_clientCAs_nocerts.bad.yml": (
        f"{VERIFIED}  client_ca_file: text\n",
        "client_ca_file holds no certificate in PEM",
    ),
    "web_config_auth_clientCAsText_nocerts.bad.yml": (
        f"{VERIFIED}  client_ca: just words\n",
        "client_ca holds no certificate in PEM",
    ),
    "web_config_auth_user_list_invalid.bad.yml": (f"{PAIR}basic_auth_users: {{eve: plain}}\n", "must be a bcrypt hash"),
    "web_config_noAuth_inventedCiphers.bad.yml": (f"{IF_GIVEN}  cipher_suites: [{ECDHE_128}0]\n", "an unknown name"),
    "web_config_noAuth_inventedCurves.bad.yml": (f"{IF_GIVEN}  curve_preferences: [CurveP1]\n", "an unknown name"),
    "web_config_noAuth_wrongTLSVersion.bad.yml": (f"{IF_GIVEN}  min_version: TLS21\n", "must be TLS10, TLS11"),
    "web_config_headers_content_type_options.bad.yml": (
        "http_server_config: {headers: {X-Content-Type-Options: no}}",
        "must be nosniff",
    ),
    "web_config_headers_frame_options.bad.yml": (
        "http_server_config: {headers: {X-Frame-Options: never}}",
        "must be deny or sameorigin",
    ),
    "web_config_headers_extra_header.bad.yml": (
        "http_server_config: {headers: {Content-Type: text/plain}}",
        'the unknown key "Content-Type"',
    ),
    "web_config_auth_client_san_no_client_auth.bad.yaml": (
        f"{PAIR}  client_allowed_sans: [a]\n",
        "client_allowed_sans, which need client_auth_type",
    ),
    "web_config_auth_client_san_optional_cert.bad.yaml": (
        f"{IF_GIVEN}  client_ca_file: client.pem\n  client_allowed_sans: [a]\n",
        "client_allowed_sans, which need client_auth_type",
    ),
    # Go takes any certificate, unverified. Python's ssl verifies each one that it asks for.
    "tls_config_noAuth.requireanyclientcert.good.yml, without an authority": (
        f"{PAIR}  client_auth_type: RequireAnyClientCert\n",
        "cannot be RequireAnyClientCert, which verifies no certificate",
    ),
    "tls_config_noAuth.requireanyclientcertkeyinline.good.yml": (
        f"{PAIR.replace('_file: server.key', ': {key}')}  client_auth_type: RequireAnyClientCert\n",
        "cannot be RequireAnyClientCert, which verifies no certificate",
    ),
}

# Of branches that no release holds: the toolkit refuses the key as unknown.
UNRELEASED = {
    "tls_config_noAuth.fingerprint.good.yml": f"{PAIR}  client_fingerprints: ['00:11']\n",
    "tls_config_noAuth.fingerprint.bad.yml": f"{PAIR}  client_fingerprints: ['zz']\n",
    "tls_config_noAuth.fingerprint_empty.good.yml": f"{PAIR}  client_fingerprints: []\n",
    "tls_config_noAuth.requireandverifyclientcert.authexcludedpaths.good.yml": f"{VERIFIED}auth_excluded_paths: [/a]\n",
    "web_config_auth_client_common_name.good.yaml": f"{VERIFIED}  client_cert_allowed_cn: a\n",
    "web_config_auth_client_common_name.bad.yaml": f"{VERIFIED}  client_cert_allowed_cn: b\n",
    "web_config_auth_client_san.authexcludedpaths.bad.yaml": (
        f"{VERIFIED}  client_allowed_sans: [b]\nauth_excluded_paths: [/a]\n"
    ),
    "web_config_auth_client_san_dns.good.yaml": f"{VERIFIED}  client_cert_allowed_san_dns: a\n",
    "web_config_auth_client_san_dns.bad.yaml": f"{VERIFIED}  client_cert_allowed_san_dns: b\n",
    "web_config_auth_client_san_dns_regex.bad.yaml": f"{VERIFIED}  client_cert_allowed_san_dns: '.+b'\n",
    "web_config_auth_client_san_regex.bad.yaml": f"{VERIFIED}  client_allowed_san_regex: '[0-9]'\n",
    "web_config_auth_client_san_dns_regex.good.yaml": f"{VERIFIED}  client_cert_allowed_san_dns_regex: a\n",
    "web_config_auth_client_san_regex.good.yaml": f"{VERIFIED}  client_allowed_san_regex: a\n",
    "web_config_auth_excluded_paths.good.yml": f"auth_excluded_paths:\n  - /metrics\n{USERS}",
    "web_config_users.authexcludedpaths.good.yml": f"{PAIR}{USERS}auth_excluded_paths: [/a]\n",
    "web_config_users_noTLS.authexcludedpaths.good.yml": f"{USERS}auth_excluded_paths: [/a]\n",
    "web_config_users_noTLS_excludePath.good.yml": f"basic_auth_excluded_paths:\n- /\n{USERS}",
    "web_config_tokens.good.yml": f"{PAIR}bearer_auth_tokens: [a]\n",
    "web_config_tokens_noTLS.good.yml": "bearer_auth_tokens: [a]\n",
    "web_config_ip_socket.good.yml": "ip_socket_config:\n  dscp: 1\n",
    "web_config_dscp_high.bad.yml": "ip_socket_config:\n  dscp: 99\n",
    "web_config_dscp_neg.bad.yml": "ip_socket_config:\n  dscp: -2\n",
    "web_config_ipv4_ttl_high.bad.yml": "ip_socket_config:\n  ipv4_ttl: 300\n",
    "web_config_ipv4_ttl_zero.bad.yml": "ip_socket_config:\n  ipv4_ttl: 0\n",
}


@pytest.fixture(scope="module")
def pair(authority: Authority) -> Pair:
    """The server's certificate and key."""
    return authority.server("localhost")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, authority: Authority, pair: Pair) -> Path:
    """What the files name."""
    made = tmp_path_factory.mktemp("web")
    contents = {
        "server.crt": pair.certificate,
        "server.key": pair.key,
        "authorities.pem": authority.certificate,
        "client.pem": authority.server("a").certificate,
        "text": b"Nothing that is PEM.\n",
    }
    for name, content in contents.items():
        (made / name).write_bytes(content)
    return made


def load(folder: Path, content: str | None, pair: Pair) -> WebConfig:
    """Parse a file and read its certificates, as the start does."""
    path = folder / "web.yaml"
    path.unlink(missing_ok=True)
    if content is not None:
        written = content.replace("{cert}", indented(pair.certificate)).replace("{key}", indented(pair.key).rstrip())
        path.write_text(written)
    return LoadedConfig.make(parse_file(str(path)), str(path)).config


@pytest.mark.sampled(4)
@pytest.mark.parametrize("content", ACCEPTED.values(), ids=ACCEPTED)
def test_what_the_toolkit_accepts_is_accepted(folder: Path, pair: Pair, content: str) -> None:
    """With the certificates that it names; what is done in another way is said."""
    config = load(folder, content, pair)

    told = (
        any(word in content for word in ("RequireAny", "X25519MLKEM768", "burst: 0")) and "interval: 0" not in content
    )
    assert len(config.notes) == told


@pytest.mark.parametrize(("content", "problem"), REFUSED.values(), ids=REFUSED)
def test_what_the_toolkit_refuses_is_refused(folder: Path, pair: Pair, content: str | None, problem: str) -> None:
    """For the same reason."""
    with pytest.raises(WebConfigError) as error:
        load(folder, content, pair)

    assert problem in str(error.value)


def test_keys_of_no_release_are_unknown(folder: Path, pair: Pair) -> None:
    """One that is not obeyed would leave open what it was to close."""
    for content in UNRELEASED.values():
        with pytest.raises(WebConfigError, match='has the unknown key "'):
            load(folder, content, pair)
