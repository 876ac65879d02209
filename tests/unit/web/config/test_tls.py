"""Contexts of real certificates, and which names of a client are allowed."""

import ssl
from pathlib import Path
from typing import Any

import pytest

from exporter.web.config.model import ClientAuth, Pem, TlsConfig, WebConfigError
from exporter.web.config.names import CIPHERS, CURVES, SETTABLE_CURVES
from exporter.web.config.tls import has_allowed_san, make_context
from tests.support.certificates import Authority, Pair

CERT, KEY, CA = "tls_server_config.cert", "tls_server_config.key", "tls_server_config.client_ca_file"


@pytest.fixture(scope="module")
def pair(authority: Authority) -> Pair:
    """A server's certificate."""
    return authority.server("127.0.0.1")


def config(pair: Pair, **changes: Any) -> TlsConfig:
    """Inline PEM, and these fields."""
    inline = {"cert": Pem(key=CERT, text=pair.certificate.decode()), "key": Pem(key=KEY, text=pair.key.decode())}
    return TlsConfig(**{**inline, **changes})


def test_defaults_are_those_of_the_toolkit(pair: Pair) -> None:
    """TLS 1.2 and 1.3, the server's order, no client certificate."""
    context = make_context(config(pair))

    assert (context.minimum_version, context.maximum_version) == (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
    assert context.options & ssl.OP_CIPHER_SERVER_PREFERENCE
    assert context.verify_mode is ssl.CERT_NONE


@pytest.mark.parametrize("cipher", CIPHERS)
def test_every_cipher_has_its_openssl_name(pair: Pair, cipher: str) -> None:
    """One suite of TLS 1.2, and those of TLS 1.3, which nobody chooses."""
    context = make_context(config(pair, cipher_suites=(cipher,)))

    assert [each["name"] for each in context.get_ciphers() if each["protocol"] != "TLSv1.3"] == [CIPHERS[cipher]]


@pytest.mark.parametrize("curve", sorted(SETTABLE_CURVES))
def test_every_curve_can_be_set(pair: Pair, curve: str) -> None:
    """By the name that OpenSSL knows."""
    make_context(config(pair, curve_preferences=(curve,)))

    assert curve in CURVES


def test_ciphers_of_tls_1_3_alone_exclude_older_versions(pair: Pair) -> None:
    """Nothing that the file names could serve TLS 1.2."""
    context = make_context(config(pair, cipher_suites=("TLS_AES_128_GCM_SHA256",)))

    assert context.minimum_version is ssl.TLSVersion.TLSv1_3


@pytest.mark.parametrize(
    ("auth", "mode"),
    [
        (ClientAuth.NONE, ssl.CERT_NONE),
        (ClientAuth.VERIFY_IF_GIVEN, ssl.CERT_OPTIONAL),
        (ClientAuth.REQUIRE_AND_VERIFY, ssl.CERT_REQUIRED),
    ],
)
def test_policy_of_client_certificates(pair: Pair, authority: Authority, auth: ClientAuth, mode: int) -> None:
    """With the authority of the file, and no other."""
    client_ca = Pem(key=CA, text=authority.certificate.decode())
    context = make_context(config(pair, client_auth=auth, client_ca=client_ca))

    assert context.verify_mode == mode
    assert len(context.get_ca_certs()) == (0 if auth is ClientAuth.NONE else 1)


def test_several_authorities_may_stand_between_other_words(pair: Pair, authority: Authority) -> None:
    """As in a bundle with each one's name above it, in whatever encoding."""
    other = Authority("another")
    bundle = b"# B\xe4r\n" + authority.certificate + "# Bär\r\n".encode() + other.certificate.replace(b"\n", b"\r\n")
    client_ca = Pem(key=CA, text=bundle.decode("latin-1"))
    context = make_context(config(pair, client_auth=ClientAuth.REQUIRE_AND_VERIFY, client_ca=client_ca))

    assert len(context.get_ca_certs()) == 2


def test_unusable_certificates_are_named_by_their_key(pair: Pair, authority: Authority, tmp_path: Path) -> None:
    """One sentence each, nothing of the content."""
    other = authority.server("127.0.0.1")
    damaged = pair.certificate[:100] + b"Zq7Xw9" + pair.certificate[106:]
    missing = Pem(key="tls_server_config.cert_file", file=str(tmp_path / "missing"))
    cases: dict[str, dict[str, Any]] = {
        f"{KEY} does not belong to {CERT}": {"key": Pem(key=KEY, text=other.key.decode())},
        f"{CERT} holds no certificate in PEM": {"cert": Pem(key=CERT, text="Zq7Xw9")},
        f"{KEY} holds no private key in PEM": {"key": Pem(key=KEY, text="Zq7Xw9")},
        f"{KEY} is encrypted": {"key": Pem(key=KEY, text=pair.locked("x").decode())},
        f"{CERT} and {KEY} are no certificate and key": {"cert": Pem(key=CERT, text=damaged.decode())},
        f"{missing.key} names a file that does not exist": {"cert": missing},
        f"{CA} holds no certificate in PEM": {
            "client_auth": ClientAuth.REQUIRE_AND_VERIFY,
            "client_ca": Pem(key=CA, text="Zq7Xw9"),
        },
        f"{CA} holds a certificate that OpenSSL does not accept": {
            "client_auth": ClientAuth.REQUIRE_AND_VERIFY,
            "client_ca": Pem(key=CA, text=authority.certificate.decode() + damaged.decode()),
        },
    }
    for problem, changes in cases.items():
        with pytest.raises(WebConfigError) as error:
            make_context(config(pair, **changes))
        assert str(error.value).startswith(problem)
        assert "Zq7Xw9" not in str(error.value)


def test_no_file_stays_open(pair: Pair) -> None:
    """A certificate that is swapped every second would use up all."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(10):
        make_context(config(pair))

    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize(
    ("names", "allowed", "expected"),
    [
        ([("DNS", "one")], ("one",), True),
        ([("DNS", "zero"), ("DNS", "one")], ("one", "two"), True),
        ([("DNS", "one.example")], ("one",), False),
        ([("DNS", "*.example")], ("one.example",), False),
        ([("email", "a@b.example")], ("a@b.example",), True),
        (
            [("URI", "spiffe://cluster/ns/monitoring/sa/prometheus")],
            ("spiffe://cluster/ns/monitoring/sa/prometheus",),
            True,
        ),
        ([("IP Address", "10.0.0.1")], ("10.0.0.1",), True),
        ([("IP Address", "FD00:0:0:0:0:0:0:1")], ("fd00::1",), True),
        ([("DirName", "one")], ("one",), False),
        ([("DNS", "one")], (), False),
        ([], ("one",), False),
    ],
)
def test_a_name_is_allowed_by_an_exact_match(
    names: list[tuple[str, str]], allowed: tuple[str, ...], expected: bool
) -> None:
    """Of any type, as the toolkit compares."""
    assert has_allowed_san({"subjectAltName": tuple(names)}, allowed) is expected
    assert has_allowed_san(None, allowed) is False
