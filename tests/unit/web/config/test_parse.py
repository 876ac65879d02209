"""What the parser takes and refuses.

`test_toolkit.py` has the files of the format's own tests.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from exporter.web.config.model import ClientAuth, Pem, RateLimit, TlsConfig, WebConfig, WebConfigError
from exporter.web.config.names import CIPHERS, TLS13_CIPHERS
from exporter.web.config.parse import main, parse, parse_file

FOLDER = Path("/etc/web")
HASH = "$2y$10$" + "abcdefghij./ABCDEFGHIJ0123456789abcdefghijABCDEFGHIJ0"[:53]
TLS = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
PAIR: dict[str, Any] = {
    "cert": Pem(key="tls_server_config.cert_file", file="/etc/web/server.crt"),
    "key": Pem(key="tls_server_config.key_file", file="/etc/web/server.key"),
}
CA = Pem(key="tls_server_config.client_ca_file", file="/etc/web/ca.pem")


def tls(**changes: Any) -> WebConfig:
    """A configuration with a certificate, and these fields of its TLS."""
    return WebConfig(tls=TlsConfig(**{**PAIR, **changes}))


GOOD = {
    "empty": ("", WebConfig()),
    "comment alone": ("# nothing yet\n", WebConfig()),
    "null sections": ("tls_server_config:\nbasic_auth_users: ~\nrate_limit: null\n", WebConfig()),
    "certificate and key": (TLS, tls()),
    "absolute paths": (
        "tls_server_config: {cert_file: /a/c, key_file: /b/k}",
        tls(
            cert=Pem(key="tls_server_config.cert_file", file="/a/c"),
            key=Pem(key="tls_server_config.key_file", file="/b/k"),
        ),
    ),
    "inline": (
        "tls_server_config:\n  cert: |\n    C\n    D\n  key: K\n",
        tls(cert=Pem(key="tls_server_config.cert", text="C\nD\n"), key=Pem(key="tls_server_config.key", text="K")),
    ),
    "NoClientCert": (f"{TLS}  client_auth_type: NoClientCert\n", tls()),
    "VerifyClientCertIfGiven": (
        f"{TLS}  client_auth_type: VerifyClientCertIfGiven\n",
        tls(client_auth=ClientAuth.VERIFY_IF_GIVEN),
    ),
    "RequireAndVerifyClientCert": (
        f"{TLS}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n",
        tls(client_auth=ClientAuth.REQUIRE_AND_VERIFY, client_ca=CA),
    ),
    "inline authority": (
        f"{TLS}  client_auth_type: RequireAndVerifyClientCert\n  client_ca: PEM\n",
        tls(client_auth=ClientAuth.REQUIRE_AND_VERIFY, client_ca=Pem(key="tls_server_config.client_ca", text="PEM")),
    ),
    "allowed names": (
        f"{TLS}  client_auth_type: RequireAndVerifyClientCert\n  client_allowed_sans: [one, 10.0.0.1]\n",
        tls(client_auth=ClientAuth.REQUIRE_AND_VERIFY, client_allowed_sans=("one", "10.0.0.1")),
    ),
    "no allowed name": (
        f"{TLS}  client_auth_type: RequireAndVerifyClientCert\n  client_allowed_sans: []\n",
        tls(client_auth=ClientAuth.REQUIRE_AND_VERIFY, client_allowed_sans=()),
    ),
    "versions": (f"{TLS}  min_version: TLS10\n  max_version: TLS11\n", tls(min_version="TLS10", max_version="TLS11")),
    "all ciphers": (
        TLS + "  cipher_suites:\n" + "".join(f"  - {each}\n" for each in [*CIPHERS, *sorted(TLS13_CIPHERS)]),
        tls(cipher_suites=(*CIPHERS, *sorted(TLS13_CIPHERS))),
    ),
    "ciphers that HTTP/2 forbids": (
        f"{TLS}  cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]\n  max_version: TLS12\n",
        tls(cipher_suites=("TLS_RSA_WITH_AES_128_CBC_SHA",), max_version="TLS12"),
    ),
    "the client's order": (
        f"{TLS}  prefer_server_cipher_suites: no\n",
        tls(prefer_server_cipher_suites=False),
    ),
    "one curve": (f"{TLS}  curve_preferences: [CurveP521]\n", tls(curve_preferences=("CurveP521",))),
    "http2 off": ("http_server_config: {http2: false}", WebConfig()),
    "headers": (
        (
            "http_server_config:\n  headers:\n    X-Frame-Options: deny\n    X-XSS-Protection: 1\n"
            "    X-Content-Type-Options: nosniff\n    Strict-Transport-Security: max-age=31536000; includeSubDomains\n"
            "    Content-Security-Policy: \"default-src 'self' *.example.net\"\n"
        ),
        WebConfig(
            headers={
                "X-Frame-Options": "deny",
                "X-XSS-Protection": "1",
                "X-Content-Type-Options": "nosniff",
                "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
                "Content-Security-Policy": "default-src 'self' *.example.net",
            }
        ),
    ),
    "blank header": ("http_server_config: {headers: {X-XSS-Protection: ''}}", WebConfig()),
    "users": (
        f"basic_auth_users:\n  alice: {HASH}\n  7: '{HASH.replace('$2y', '$2b')}'\n",
        WebConfig(users={"alice": HASH, "7": HASH.replace("$2y", "$2b")}),
    ),
    "rate limit": ("rate_limit: {interval: 1m30.5s, burst: 20}", WebConfig(rate_limit=RateLimit(90.5, 20))),
    "rate limit off": ("rate_limit: {interval: 0, burst: 20}", WebConfig()),
    "anchors": (
        "basic_auth_users: &a {}\nhttp_server_config: *a\n",
        WebConfig(),
    ),
}

BAD = {
    "no mapping": ("just a text", "must be a mapping"),
    "list": ("- a\n- b\n", "must be a mapping"),
    "no YAML": ("a: [\n", "no YAML: line 2"),
    "tabs": ("tls_server_config:\n\tcert_file: x\n", "no YAML: line 2"),
    "control character": ("a: \x07", "no YAML"),
    "two documents": ("{}\n---\n{}\n", "no YAML"),
    "too deep": ("[" * 1000, "nested too deeply"),
    "unknown key": (
        "tls_server_config:\n  cert_filse: server.crt\n",
        'tls_server_config has the unknown key "cert_filse"',
    ),
    "unknown section": ("tls_config: {}\n", 'the file has the unknown key "tls_config" (line 1)'),
    "key twice": ("basic_auth_users:\n  a: x\n  a: y\n", 'basic_auth_users has the key "a" twice (line 3)'),
    "section twice": ("rate_limit: {}\nrate_limit: {}\n", 'has the key "rate_limit" twice'),
    "key of another kind": ("? [a]\n: b\n", "has a key that is no text"),
    "merge key": (f"basic_auth_users:\n  <<: {{a: '{HASH}'}}\n", "basic_auth_users has a merge key (<<), which is not"),
    "value of another kind": ("tls_server_config: {cert_file: [a]}", "tls_server_config.cert_file must be a text"),
    "list of another kind": (f"{TLS}  cipher_suites: a\n", "tls_server_config.cipher_suites must be a list"),
    "no certificate": ("tls_server_config: {key_file: k}", "tls_server_config needs cert_file or cert"),
    "empty certificate": ("tls_server_config: {cert_file: '', key_file: k}", "needs cert_file or cert"),
    "no key": ("tls_server_config: {cert_file: c}", "tls_server_config needs key_file or key"),
    "neither": ("tls_server_config: {cert: '', key: '', client_auth_type: NoClientCert}", "needs cert_file or cert"),
    "authority alone": ("tls_server_config: {client_ca_file: c}", "needs cert_file or cert"),
    "unknown policy": (
        f"{TLS}  client_auth_type: Always\n",
        "tls_server_config.client_auth_type must be NoClientCert,",
    ),
    "authority without policy": (f"{TLS}  client_ca_file: /dev/null\n", "has a client_ca but no client_auth_type"),
    "names without policy": (f"{TLS}  client_allowed_sans: [x]\n", "need client_auth_type RequireAndVerifyClientCert"),
    "names of optional certificates": (
        f"{TLS}  client_auth_type: VerifyClientCertIfGiven\n  client_allowed_sans: [x]\n",
        "need client_auth_type RequireAndVerifyClientCert",
    ),
    "any certificate, unverified": (
        f"{TLS}  client_auth_type: RequireAnyClientCert\n",
        (
            "tls_server_config.client_auth_type cannot be RequireAnyClientCert, which verifies no certificate:"
            " set RequireAndVerifyClientCert and client_ca_file"
        ),
    ),
    "invented cipher": (
        f"{TLS}  cipher_suites: [TLS_MADE_UP]\n",
        "tls_server_config.cipher_suites has an unknown name",
    ),
    "invented curve": (
        f"{TLS}  curve_preferences: [P999]\n",
        "tls_server_config.curve_preferences has an unknown name",
    ),
    "invented version": (f"{TLS}  min_version: TLS14\n", "tls_server_config.min_version must be TLS10, TLS11"),
    "versions the wrong way round": (f"{TLS}  min_version: TLS13\n  max_version: TLS12\n", "min_version above its max"),
    "ciphers of a version that is excluded": (
        f"{TLS}  cipher_suites: [TLS_AES_128_GCM_SHA256]\n  max_version: TLS12\n",
        "names only suites of TLS 1.3",
    ),
    "no boolean": ("http_server_config: {http2: maybe}", "http_server_config.http2 must be true or false"),
    "another header": ("http_server_config: {headers: {Server: x}}", 'headers has the unknown key "Server"'),
    "frame options": ("http_server_config: {headers: {X-Frame-Options: allow}}", "must be deny or sameorigin"),
    "content type options": ("http_server_config: {headers: {X-Content-Type-Options: ''}}", "must be nosniff"),
    "header of two lines": (
        'http_server_config: {headers: {Content-Security-Policy: "a\\r\\nSet-Cookie: b"}}',
        "http_server_config.headers.Content-Security-Policy must be one line",
    ),
    "plain password": ("basic_auth_users: {alice: Zq7Xw9}", "basic_auth_users.alice must be a bcrypt hash"),
    "another hash": ("basic_auth_users: {alice: $apr1$Zq7Xw9$abc}", "basic_auth_users.alice must be a bcrypt hash"),
    "cost too high": (f"basic_auth_users: {{a: '{HASH.replace('$10$', '$32$')}'}}", "must be a bcrypt hash"),
    "interval without unit": ("rate_limit: {interval: 5, burst: 1}", "rate_limit.interval must be a duration"),
    "negative interval": ("rate_limit: {interval: -5s, burst: 1}", "rate_limit.interval must be a duration"),
    "endless interval": (f"rate_limit: {{interval: {'9' * 400}h, burst: 1}}", "rate_limit.interval must be a duration"),
    "interval of centuries": (
        "rate_limit: {interval: 2562048h, burst: 1}",
        "must be a duration of less than 292 years",
    ),
    "burst of another kind": ("rate_limit: {interval: 1s, burst: many}", "rate_limit.burst must be a whole number"),
}


@pytest.mark.parametrize(("content", "expected"), GOOD.values(), ids=GOOD)
def test_good_file(content: str, expected: WebConfig) -> None:
    """It is what the table says, and survives the way from the child process."""
    found = parse(content, folder=FOLDER)

    assert found == expected
    assert WebConfig.from_json(found.to_json()) == expected


@pytest.mark.parametrize(("content", "problem"), BAD.values(), ids=BAD)
def test_bad_file_is_one_sentence_without_secrets(content: str, problem: str) -> None:
    """The sentence names the key and repeats no value."""
    with pytest.raises(WebConfigError) as error:
        parse(content, folder=FOLDER)

    assert problem in str(error.value)
    assert "Zq7Xw9" not in str(error.value)
    assert "\n" not in str(error.value)


NOTES = {
    "no burst": ("rate_limit: {interval: 1s}", "rate_limit.burst: with a burst of 0 every request is refused by 429"),
    "http2": ("http_server_config: {http2: true}", "http_server_config.http2: HTTP/2 is not served, HTTP/1.1 is"),
    "no certificate": ("tls_server_config: {min_version: TLS13}", "no certificate is given, so plain HTTP is served"),
    "file and text": (f"{TLS}  cert: PEM\n", "tls_server_config.cert: not used, because cert_file counts"),
    "any certificate": (
        f"{TLS}  client_auth_type: RequireAnyClientCert\n  client_ca_file: ca.pem\n",
        "RequireAnyClientCert is served as RequireAndVerifyClientCert",
    ),
    "its older name": (
        f"{TLS}  client_auth_type: RequireClientCert\n  client_ca_file: ca.pem\n",
        "RequireAnyClientCert is served as RequireAndVerifyClientCert",
    ),
    "requested certificate": (
        f"{TLS}  client_auth_type: RequestClientCert\n",
        "RequestClientCert verifies nothing, so no certificate is asked for",
    ),
}


@pytest.mark.parametrize(("content", "note"), NOTES.values(), ids=NOTES)
def test_what_is_done_in_another_way_is_said(content: str, note: str) -> None:
    """One note, which the log gets."""
    (found,) = parse(content, folder=FOLDER).notes

    assert note in found


def test_a_certificate_that_is_only_required_is_verified() -> None:
    """Stricter than asked, never laxer."""
    config = parse(f"{TLS}  client_auth_type: RequireAnyClientCert\n  client_ca_file: ca.pem\n", folder=FOLDER)

    assert config.tls is not None
    assert config.tls.client_auth is ClientAuth.REQUIRE_AND_VERIFY


@pytest.mark.skipif(hasattr(ssl.SSLContext, "set_groups"), reason="this Python sets several curves")
def test_of_several_curves_the_first_that_can_be_set_is_offered() -> None:
    """A subset of what the file allows."""
    config = parse(f"{TLS}  curve_preferences: [X25519MLKEM768, CurveP384, X25519]\n", folder=FOLDER)

    assert config.tls is not None
    assert config.tls.curve_preferences == ("CurveP384",)
    assert "only CurveP384 is offered" in config.notes[0]
    with pytest.raises(WebConfigError, match="needs one of CurveP256, CurveP384, CurveP521, X25519, too"):
        parse(f"{TLS}  curve_preferences: [X25519MLKEM768]\n", folder=FOLDER)


def test_a_missing_file_is_refused_without_its_path() -> None:
    """Somebody may have put a secret where the path belongs."""
    with pytest.raises(WebConfigError, match=r"^WEB_CONFIG_FILE names a file that does not exist$"):
        parse_file("/nowhere/Zq7Xw9")


def test_the_command_prints_the_configuration_or_the_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the serving process reads."""
    path = tmp_path / "web.yaml"
    path.write_text("rate_limit: {interval: 1s, burst: 2}")
    assert main([str(path)]) == 0
    assert WebConfig.from_json(capsys.readouterr().out) == WebConfig(rate_limit=RateLimit(1, 2))
    path.write_text("x: 1")
    assert main([str(path)]) == 0
    expected = f'{{"problem": "WEB_CONFIG_FILE {path}: the file has the unknown key \\"x\\" (line 1)"}}'
    assert capsys.readouterr().out == expected


def test_secrets_are_not_in_a_repr() -> None:
    """Neither a key nor a hash."""
    config = parse(f"tls_server_config: {{cert: C, key: Zq7Xw9}}\nbasic_auth_users: {{a: {HASH}}}", folder=FOLDER)

    assert "Zq7Xw9" not in repr(config)
    assert HASH not in repr(config)
