"""Makes an `ssl.SSLContext` of the file's section, and decides whether a client's certificate is allowed."""

from __future__ import annotations

import ipaddress
import os
import re
import ssl
import warnings
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from exporter.dsn.files import UnusableFileError, content
from exporter.web.config.model import ClientAuth, Pem, TlsConfig, WebConfigError
from exporter.web.config.names import CIPHERS, CURVES, VERSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")
_VERIFY = {
    ClientAuth.NONE: ssl.CERT_NONE,
    ClientAuth.VERIFY_IF_GIVEN: ssl.CERT_OPTIONAL,
    ClientAuth.REQUIRE_AND_VERIFY: ssl.CERT_REQUIRED,
}


def make_context(config: TlsConfig) -> ssl.SSLContext:
    """Read the certificates and return the context of a server.

    Raises:
        WebConfigError: a certificate or key cannot be used; the sentence names the key.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    _load_certificate(context, config)
    _set_versions_and_ciphers(context, config)
    _set_curve(context, config)
    context.verify_mode = _VERIFY[config.client_auth]
    if config.client_auth is not ClientAuth.NONE:
        # As in Go, each certificate of the authorities' file is trusted, whether it is a root or not.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        _load_authorities(context, config.client_ca)
    return context


def has_allowed_san(certificate: Mapping[str, Any] | None, allowed: tuple[str, ...]) -> bool:
    """Whether one of the subject alternative names, of whatever type, is exactly one of those allowed."""
    return any(name in allowed for name in _alternative_names(certificate or {}))


def _alternative_names(certificate: Mapping[str, Any]) -> Iterator[str]:
    for kind, name in certificate.get("subjectAltName", ()):
        if kind in {"DNS", "email", "URI"}:
            yield name
        elif kind == "IP Address":
            yield str(ipaddress.ip_address(name))  # OpenSSL writes FD00:0:0:0:0:0:0:1 for fd00::1


def _load_certificate(context: ssl.SSLContext, config: TlsConfig) -> None:
    certificate, key = _read(config.cert), _read(config.key)
    if b"-----BEGIN CERTIFICATE-----" not in certificate:
        raise WebConfigError(f"{config.cert.key} holds no certificate in PEM")
    if b"PRIVATE KEY-----" not in key:
        raise WebConfigError(f"{config.key.key} holds no private key in PEM")
    if b"ENCRYPTED" in key:
        raise WebConfigError(f"{config.key.key} is encrypted: give a key without a passphrase")
    with ExitStack() as stack:
        names = [_in_memory(each, stack) for each in (certificate, key)]
        try:
            context.load_cert_chain(*names)
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                raise WebConfigError(f"{config.key.key} does not belong to {config.cert.key}") from None
            problem = f"{config.cert.key} and {config.key.key} are no certificate and key that OpenSSL accepts"
            raise WebConfigError(f"{problem} ({error.reason or 'damaged'})") from None


def _in_memory(pem: bytes, stack: ExitStack) -> str:
    """Return the name of a file that holds PEM: `load_cert_chain` takes names alone, and no disk may be writable."""
    descriptor = os.memfd_create("pem")
    stack.callback(os.close, descriptor)
    os.write(descriptor, pem)
    return f"/proc/self/fd/{descriptor}"


def _load_authorities(context: ssl.SSLContext, client_ca: Pem | None) -> None:
    if client_ca is None:
        context.set_default_verify_paths()
        return
    # Without what stands between them: names in comments, which need not be ASCII.
    certificates = b"\n".join(_CERTIFICATE.findall(_read(client_ca)))
    if not certificates:
        raise WebConfigError(f"{client_ca.key} holds no certificate in PEM")
    try:
        context.load_verify_locations(cadata=certificates.decode())
    except (ssl.SSLError, ValueError):  # ValueError: it is not ASCII
        raise WebConfigError(f"{client_ca.key} holds a certificate that OpenSSL does not accept") from None


def _read(pem: Pem) -> bytes:
    if pem.file is None:
        return pem.text.encode()
    try:
        return content(pem.file)
    except UnusableFileError as error:
        raise WebConfigError(f"{pem.key} names {error}") from None


def _set_versions_and_ciphers(context: ssl.SSLContext, config: TlsConfig) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of TLS 1.0 and 1.1, which the file may ask for
        context.minimum_version, context.maximum_version = VERSIONS[config.min_version], VERSIONS[config.max_version]
    if not config.prefer_server_cipher_suites:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    ciphers = [CIPHERS[each] for each in config.cipher_suites if each in CIPHERS]
    if config.cipher_suites and not ciphers:  # of TLS 1.3 alone: nothing is left for the older versions
        context.minimum_version = ssl.TLSVersion.TLSv1_3
    old = config.min_version in {"TLS10", "TLS11"}
    if ciphers or old:
        # Before TLS 1.2, signatures need SHA-1, which OpenSSL 3 allows at security level 0 alone.
        words = [*(ciphers or ["DEFAULT"]), *(["@SECLEVEL=0"] if old else [])]
        context.set_ciphers(":".join(words))


def _set_curve(context: ssl.SSLContext, config: TlsConfig) -> None:
    if not config.curve_preferences:
        return
    if hasattr(context, "set_groups"):  # Python 3.15
        context.set_groups(":".join(CURVES[each] for each in config.curve_preferences))
    else:
        context.set_ecdh_curve(CURVES[config.curve_preferences[0]])
