"""Whatever the web configuration's file holds, the parser's answer is a configuration or one sentence without secrets."""

# ruff: noqa: E501 - lists of many values read best as a few on a line
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.web.config.load import LoadedConfig
from exporter.web.config.model import WebConfig, WebConfigError
from exporter.web.config.parse import main
from tests.fuzz.budget import examples
from tests.fuzz.corpus import corpus
from tests.fuzz.texts import ANY_TEXT, MARK, maybe, tells
from tests.support.certificates import Authority
from tests.support.web_config import HASH

TEXTS = ANY_TEXT.map(lambda text: text[:200])
SCALARS = st.sampled_from(
    ["", "~", "null", "true", "no", "0", "-1", "1e9", "0x10", "1:30", "[]", "{}", "'", '"', "|", ">", "&a x", "*a", "!!binary aa==",
     "!!python/object:os.system", "2026-11-29", "NaN", "@", "`", "- a", "? a", "TLS12", "server.crt", "/dev/zero", "/", "..", "\x00"]
) | TEXTS.map(json.dumps)  # fmt: skip
VALUES = {
    "tls_server_config": {
        "cert_file": ["server.crt", "missing.crt", "folder", "empty.crt"],
        "key_file": ["server.key", "server.crt", "missing.key"],
        "cert": ["-----BEGIN CERTIFICATE-----", "x"],
        "key": [f"-----BEGIN PRIVATE KEY-----{MARK}", MARK],
        "client_ca_file": ["ca.crt", "server.key", "empty.crt"],
        "client_ca": ["x", "-----BEGIN CERTIFICATE-----"],
        "client_auth_type": [
            "NoClientCert", "RequestClientCert", "RequireAnyClientCert", "RequireClientCert", "VerifyClientCertIfGiven",
            "RequireAndVerifyClientCert", "requireandverifyclientcert",
        ],
        "client_allowed_sans": ["[]", "[a, 1]", "[[a]]", "a", "[~]"],
        "min_version": ["TLS10", "TLS11", "TLS12", "TLS13", "SSL30"],
        "max_version": ["TLS10", "TLS11", "TLS12", "TLS13", "1.3"],
        "cipher_suites": ["[]", "[TLS_AES_128_GCM_SHA256]", "[TLS_RSA_WITH_AES_128_CBC_SHA]", "[RC4]"],
        "prefer_server_cipher_suites": ["true", "off", "maybe"],
        "curve_preferences": ["[X25519]", "[CurveP384, X25519]", "[X25519MLKEM768]", "[P1]"],
    },
    "http_server_config": {"http2": ["true", "false"], "headers": ["{X-Frame-Options: deny}", "{Server: x}", "{}"]},
    "basic_auth_users": {
        "prometheus": [HASH, f"'{HASH}'", MARK, f"$2y$10${MARK}", f"$2y$99${'.' * 53}"],
        "'': ''": [HASH],
        "7": [HASH],
    },
    "rate_limit": {"interval": ["1s", "100ms", "0", "1", "-1s", "1s1s", "1.5.5s"], "burst": ["1", "0", "1e3", "99999999999"]},
}  # fmt: skip


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Sections with some of their keys, of values that mean something or not; cut, doubled or of other bytes at times."""
    lines = []
    for section in draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=4, unique=not draw(maybe(8)))):
        lines.append(f"{section}:")
        keys = [*VALUES[section], "unknown"]
        for key in draw(st.lists(st.sampled_from(keys), max_size=6, unique=not draw(maybe(8)))):
            known = VALUES[section].get(key, ["x"])
            value = draw(SCALARS) if draw(maybe(6)) else draw(st.sampled_from(known))
            lines.append(f"{' ' * draw(st.sampled_from([2] * 20 + [0, 1, 3]))}{key}: {value}")
    sent = "\n".join([*lines, ""]).encode("utf-8", "surrogatepass")
    if draw(maybe(10)):
        place = draw(st.integers(0, len(sent)))
        sent = sent[:place] + draw(st.binary(max_size=4)) + sent[place + draw(st.integers(0, 3)) :]
    return sent


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Path:
    """Where the file is, with a certificate and what may be taken for one."""
    made = tmp_path_factory.mktemp("web")
    pair = authority.server("localhost")
    contents = {
        "server.crt": pair.certificate,
        "server.key": pair.key,
        "ca.crt": authority.certificate,
        "empty.crt": b"",
    }
    for name, content in contents.items():
        (made / name).write_bytes(content)
    (made / "folder").mkdir()
    return made


def test_web_configurations(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the command that the exporter starts, and by what reads its certificates."""

    @examples(short=60, long=4000)
    @given(files())
    @corpus("web_config", bytes)
    def try_out(content: bytes) -> None:
        path = folder / "web.yaml"
        path.write_bytes(content)
        assert main([str(path)]) == 0
        printed, error = capsys.readouterr()
        assert not error
        if printed.startswith('{"problem"'):
            problem = json.loads(printed)["problem"]
        else:
            config = WebConfig.from_json(printed)
            assert WebConfig.from_json(config.to_json()) == config
            problem = _load(config, path)
            assert not tells("".join(config.notes))
        assert not tells(problem), problem
        assert len(problem.splitlines()) <= 1
        assert problem.isprintable()

    try_out()


def _load(config: WebConfig, path: Path) -> str:
    """What is wrong with the certificates, if anything is."""
    try:
        LoadedConfig.make(config, str(path))
    except WebConfigError as error:
        return str(error)
    return ""
