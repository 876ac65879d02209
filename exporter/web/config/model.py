"""The web configuration as plain values, and the error that says why a file is none."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class WebConfigError(Exception):
    """A web configuration that cannot be used; the text is one sentence that names the file and the key, no secret."""


class ClientAuth(StrEnum):
    """The policies for client certificates, by the names of Go's `tls.ClientAuthType`."""

    NONE = "NoClientCert"
    REQUEST = "RequestClientCert"
    REQUIRE_ANY = "RequireAnyClientCert"
    VERIFY_IF_GIVEN = "VerifyClientCertIfGiven"
    REQUIRE_AND_VERIFY = "RequireAndVerifyClientCert"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pem:
    """PEM from a file or from the configuration itself; `key` is the name that an error gives it."""

    key: str
    file: str | None = None
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsConfig:
    """`tls_server_config`, where it asks for TLS.

    Attributes:
        client_ca: what client certificates are verified with; the system's authorities if it is None.
        client_allowed_sans: None allows every subject alternative name.
        cipher_suites: Go's names, in the order of preference; empty for OpenSSL's choice.
    """

    cert: Pem
    key: Pem
    client_auth: ClientAuth = ClientAuth.NONE
    client_ca: Pem | None = None
    client_allowed_sans: tuple[str, ...] | None = None
    min_version: str = "TLS12"
    max_version: str = "TLS13"
    cipher_suites: tuple[str, ...] = ()
    prefer_server_cipher_suites: bool = True
    curve_preferences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most one request in `interval` seconds on average, and `burst` at once: 0 refuses every one, as in Go."""

    interval: float
    burst: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WebConfig:
    """The whole file.

    Attributes:
        tls: None serves plain HTTP.
        headers: added to every answer that does not set them itself.
        users: bcrypt hashes by name; empty asks for no password.
        rate_limit: None limits nothing.
        notes: sentences about what was asked for and is done in another way, each for one line of the log.
    """

    tls: TlsConfig | None = None
    headers: dict[str, str] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=dict, repr=False)
    rate_limit: RateLimit | None = None
    notes: tuple[str, ...] = ()

    @property
    def files(self) -> list[str]:
        """The files that it names."""
        pems = () if self.tls is None else (self.tls.cert, self.tls.key, self.tls.client_ca)
        return [pem.file for pem in pems if pem is not None and pem.file is not None]

    def to_json(self) -> str:
        """Write it for `from_json`."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> WebConfig:
        """Undo `to_json`."""
        found: dict[str, Any] = json.loads(text)
        tls, limit = found["tls"], found["rate_limit"]
        return cls(
            tls=None if tls is None else _tls(tls),
            headers=found["headers"],
            users=found["users"],
            rate_limit=None if limit is None else RateLimit(**limit),
            notes=tuple(found["notes"]),
        )


def _tls(found: dict[str, Any]) -> TlsConfig:
    allowed = found["client_allowed_sans"]
    changed = {
        "cert": Pem(**found["cert"]),
        "key": Pem(**found["key"]),
        "client_auth": ClientAuth(found["client_auth"]),
        "client_ca": None if found["client_ca"] is None else Pem(**found["client_ca"]),
        "client_allowed_sans": None if allowed is None else tuple(allowed),
        "cipher_suites": tuple(found["cipher_suites"]),
        "curve_preferences": tuple(found["curve_preferences"]),
    }
    return TlsConfig(**{**found, **changed})
