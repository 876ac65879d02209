"""A web configuration file, the certificates beside it, and a client of TLS."""

import base64
import socket
import ssl
from pathlib import Path

from tests.support import certificates
from tests.support.certificates import Authority, Pair

USER, PASSWORD = "prometheus", "right"
# bcrypt of "right" at its lowest cost, as htpasswd writes it.
HASH = "$2y$04$EG00tJz3aniJar3cfxmiluKVM4HLCic32cc3Z59dxfH.x9DPOwffu"
TLS = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
USERS = f"basic_auth_users:\n  {USER}: {HASH}\n"
CREDENTIALS = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


class WebConfigFolder:
    """`web.yaml`, `server.crt` and `server.key`, changed as Kubernetes changes a Secret's volume."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        """Write the authority's certificate; the server's comes with `renew`."""
        self.folder, self._authority, self._number = folder, authority, 0
        self._data: dict[str, bytes] = {}
        self.root = certificates.write(folder, "root.crt", authority.certificate)
        self.write(**{"client-ca.crt": authority.certificate})
        self.renew()

    @property
    def path(self) -> str:
        """What WEB_CONFIG_FILE names."""
        return str(self.folder / "web.yaml")

    def configure(self, text: str) -> None:
        """Write the file."""
        self.write(**{"web.yaml": text.encode()})

    def renew(self, pair: Pair | None = None) -> Pair:
        """Put another certificate in place of the server's."""
        found = pair or self._authority.server("127.0.0.1", "localhost")
        self.write(**{"server.crt": found.certificate, "server.key": found.key})
        return found

    def write(self, **files: bytes) -> None:
        """Change files all at once: a new directory, and a symbolic link that is replaced."""
        self._data |= files
        self._number += 1
        data = self.folder / f"..{self._number}"
        data.mkdir()
        for name, content in self._data.items():
            (data / name).write_bytes(content)
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(f"..data/{name}")
        new = self.folder / "..data_tmp"
        new.symlink_to(data.name)
        new.rename(self.folder / "..data")


def client_certificate(authority: Authority, folder: Path, *names: str) -> tuple[str, str]:
    """Return the files of a client's certificate with these alternative names, and of its key."""
    pair = authority.server(*names)
    stem = names[0].replace("/", "_")
    return (
        certificates.write(folder, f"{stem}.crt", pair.certificate),
        certificates.write(folder, f"{stem}.key", pair.key),
    )


def client_context(root: str, *, certificate: tuple[str, str] | None = None) -> ssl.SSLContext:
    """A client that verifies the server."""
    context = ssl.create_default_context(cafile=root)
    if certificate is not None:
        context.load_cert_chain(*certificate)
    return context


def ask(
    port: int, context: ssl.SSLContext | None, path: str = "/metrics", *, credentials: str | None = CREDENTIALS
) -> tuple[int, str]:
    """Ask once on a connection of its own; the status and the whole answer.

    Raises:
        OSError: no TLS, or no answer.
    """
    raw = socket.create_connection(("127.0.0.1", port), timeout=10)
    with raw if context is None else context.wrap_socket(raw, server_hostname="localhost") as connection:
        lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Connection: close"]
        if credentials is not None:
            lines.append(f"Authorization: Basic {credentials}")
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    if not answer:
        raise ConnectionResetError("no answer")
    return int(answer.split()[1]), answer
