"""Parses the section `tls_server_config`: what asks for TLS, what contradicts itself, and what Python cannot do."""

from __future__ import annotations

from ssl import SSLContext
from typing import TYPE_CHECKING

from exporter.web.config.model import ClientAuth, Pem, TlsConfig
from exporter.web.config.names import CIPHERS, CURVES, SETTABLE_CURVES, TLS13_CIPHERS, VERSIONS

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from exporter.web.config.yaml_nodes import Value

# Any one of these turns TLS on, as in the toolkit.
_ENABLING = ("cert", "key", "client_ca", "cert_file", "key_file", "client_ca_file", "client_auth_type")
_KEYS = (
    *_ENABLING, "client_allowed_sans", "min_version", "max_version", "cipher_suites", "prefer_server_cipher_suites",
    "curve_preferences",
)  # fmt: skip
_POLICIES = {**{each.value: each for each in ClientAuth}, "": ClientAuth.NONE}
_POLICIES["RequireClientCert"] = ClientAuth.REQUIRE_ANY  # the toolkit's older name


def parse_tls(section: Value, folder: Path) -> tuple[TlsConfig | None, list[str]]:
    """Return what the section asks for, None for plain HTTP, and notes on what is done in another way.

    Raises:
        WebConfigError: what is wrong, with the key.
    """
    parser = _Parser(section, folder)
    return parser.parse(), parser.notes


class _Parser:
    def __init__(self, section: Value, folder: Path) -> None:
        self.notes: list[str] = []
        self._section, self._folder = section, folder
        self._given = {key: value for key, value in section.mapping(_KEYS).items() if not value.empty}

    def parse(self) -> TlsConfig | None:
        minimum = self._one_of("min_version", VERSIONS, "TLS12")
        maximum = self._one_of("max_version", VERSIONS, "TLS13")
        if VERSIONS[minimum] > VERSIONS[maximum]:
            raise self._section.error("has a min_version above its max_version")
        ciphers = self._several_of("cipher_suites", CIPHERS.keys() | TLS13_CIPHERS)
        if ciphers and TLS13_CIPHERS.issuperset(ciphers) and maximum != "TLS13":
            raise self._given["cipher_suites"].error("names only suites of TLS 1.3, which max_version excludes")
        curves = self._curves()
        prefer = self._given.get("prefer_server_cipher_suites")
        prefer_server = prefer is None or prefer.boolean()
        allowed = self._given["client_allowed_sans"].texts() if "client_allowed_sans" in self._given else None
        if not any(self._text(key) for key in _ENABLING):
            if self._given:
                self.notes.append("tls_server_config: no certificate is given, so plain HTTP is served")
            return None
        cert, key, client_ca = self._required("cert"), self._required("key"), self._pem("client_ca")
        return TlsConfig(
            cert=cert,
            key=key,
            client_auth=self._client_auth(client_ca, allowed),
            client_ca=client_ca,
            client_allowed_sans=allowed,
            min_version=minimum,
            max_version=maximum,
            cipher_suites=ciphers,
            prefer_server_cipher_suites=prefer_server,
            curve_preferences=curves,
        )

    def _curves(self) -> tuple[str, ...]:
        found = self._several_of("curve_preferences", CURVES)
        if not found or hasattr(SSLContext, "set_groups"):
            return found
        settable = [each for each in found if each in SETTABLE_CURVES]
        if not settable:
            raise self._given["curve_preferences"].error(f"needs one of {', '.join(sorted(SETTABLE_CURVES))}, too")
        if len(found) > 1:
            place = "tls_server_config.curve_preferences"
            self.notes.append(f"{place}: only {settable[0]} is offered, for Python before 3.15 sets one curve")
        return (settable[0],)

    def _client_auth(self, client_ca: Pem | None, allowed: tuple[str, ...] | None) -> ClientAuth:
        policy = _POLICIES.get(self._text("client_auth_type"))
        if policy is None:
            raise self._given["client_auth_type"].error(f"must be {', '.join(ClientAuth)}")
        if client_ca is not None and policy is ClientAuth.NONE:
            raise self._section.error("has a client_ca but no client_auth_type, so no certificate would be asked for")
        if allowed is not None and policy not in {ClientAuth.REQUIRE_ANY, ClientAuth.REQUIRE_AND_VERIFY}:
            raise self._section.error("has client_allowed_sans, which need client_auth_type RequireAndVerifyClientCert")
        # Python's ssl verifies each certificate that it asks for.
        place = "tls_server_config.client_auth_type"
        if policy is ClientAuth.REQUIRE_ANY:
            if client_ca is None:
                raise self._given["client_auth_type"].error(
                    "cannot be RequireAnyClientCert, which verifies no certificate:"
                    " set RequireAndVerifyClientCert and client_ca_file"
                )
            self.notes.append(f"{place}: RequireAnyClientCert is served as RequireAndVerifyClientCert")
            return ClientAuth.REQUIRE_AND_VERIFY
        if policy is ClientAuth.REQUEST:
            self.notes.append(f"{place}: RequestClientCert verifies nothing, so no certificate is asked for")
            return ClientAuth.NONE
        return policy

    def _required(self, name: str) -> Pem:
        found = self._pem(name)
        if found is None:
            raise self._section.error(f"needs {name}_file or {name}")
        return found

    def _pem(self, name: str) -> Pem | None:
        file, text = self._text(f"{name}_file"), self._text(name)
        if file and text:
            self.notes.append(f"tls_server_config.{name}: not used, because {name}_file counts")
        if file:
            return Pem(key=f"tls_server_config.{name}_file", file=str(self._folder / file))
        return Pem(key=f"tls_server_config.{name}", text=text) if text else None

    def _text(self, key: str) -> str:
        return self._given[key].text() if key in self._given else ""

    def _one_of(self, key: str, known: Collection[str], default: str) -> str:
        if key not in self._given:
            return default
        found = self._given[key].text()
        if found not in known:
            raise self._given[key].error(f"must be {', '.join(known)}")
        return found

    def _several_of(self, key: str, known: Collection[str]) -> tuple[str, ...]:
        found = (self._given[key].texts() if key in self._given else None) or ()
        if any(each not in known for each in found):
            raise self._given[key].error(f"has an unknown name; known are {', '.join(sorted(known))}")
        return found
