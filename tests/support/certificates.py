"""A certificate authority for one test run, and what it signs."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as PEM."""

    certificate: bytes
    key: bytes

    def locked(self, password: str) -> bytes:
        """The key, encrypted."""
        how = BestAvailableEncryption(password.encode())
        return load_pem_private_key(self.key, None).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)


class Authority:
    """Signs with a key of its own; two authorities do not trust each other."""

    def __init__(self, name: str = "authority of the tests") -> None:
        """Make the key and the root certificate."""
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        root = (
            _builder(self._name, self._name, self._key, days=30)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.certificate = root.public_bytes(Encoding.PEM)

    def server(self, *names: str, days: int = 30) -> Pair:
        """A server's certificate for names and addresses; negative days make it expired."""
        return self._sign(names[0], names, ExtendedKeyUsageOID.SERVER_AUTH, days=days)

    def client(self, user: str, *, days: int = 30) -> Pair:
        """A client's certificate for a role of the database."""
        return self._sign(user, (), ExtendedKeyUsageOID.CLIENT_AUTH, days=days)

    def _sign(self, common: str, names: tuple[str, ...], usage: x509.ObjectIdentifier, *, days: int) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
        builder = _builder(subject, self._name, key, days=days).add_extension(
            x509.ExtendedKeyUsage([usage]),
            critical=False,
        )
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_general(name) for name in names]),
                critical=False,
            )
        certificate = builder.sign(self._key, hashes.SHA256())
        return Pair(
            certificate.public_bytes(Encoding.PEM),
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        )


def write(folder: Path, name: str, content: bytes) -> str:
    """Keep PEM in a private file; its path."""
    path = folder / name
    path.write_bytes(content)
    path.chmod(0o600)
    return str(path)


def _general(name: str) -> x509.GeneralName:
    return x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    *,
    days: int,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=days))
    )
