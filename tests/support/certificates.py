"""Certificates of one test run, signed by trustme's authorities."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)


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
        self._ca = trustme.CA(organization_name=name, key_type=trustme.KeyType.ECDSA)
        self.certificate = self._ca.cert_pem.bytes()

    def server(self, *names: str, days: int = 30) -> Pair:
        """A server's certificate for names and addresses; negative days make it expired."""
        return self._sign(*names, common_name=names[0], days=days)

    def client(self, user: str, *, days: int = 30) -> Pair:
        """A client's certificate for a role of the database."""
        return self._sign(common_name=user, days=days)

    def _sign(self, *names: str, common_name: str, days: int) -> Pair:
        found = self._ca.issue_cert(
            *names,
            common_name=common_name,
            not_after=datetime.now(UTC) + timedelta(days=days),
            key_type=trustme.KeyType.ECDSA,
        )
        return Pair(found.cert_chain_pems[0].bytes(), found.private_key_pem.bytes())


def with_large_key() -> Pair:
    """A certificate that signs itself by RSA of 4096 bits, which is slow: 6 ms for a signature."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=4096)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Pair(certificate.public_bytes(Encoding.PEM), pem)


def write(folder: Path, name: str, content: bytes) -> str:
    """Write PEM to a private file; its path."""
    path = folder / name
    path.write_bytes(content)
    path.chmod(0o600)
    return str(path)
