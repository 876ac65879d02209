"""A name server of the test's own, and a mount namespace in which it is the only one."""

import os
import socket
import struct
import threading
from enum import StrEnum

from tests.support.needs import need_root, need_tools
from tests.support.server_factory import ServerFactory

QUESTION = 12  # bytes of a message before its question
TYPE_A = 1


class Behaviour(StrEnum):
    """How the name server answers a question."""

    SILENT = "silent"
    UNKNOWN = "unknown"
    KNOWN = "known"


class Resolver(threading.Thread):
    """Answers every name with 127.0.0.1, or with "no such name", or not at all."""

    def __init__(self, server_factory: ServerFactory) -> None:
        """Listen on a loopback address of its own."""
        super().__init__(name="resolver", daemon=True)
        need_root()
        need_tools("unshare", "mount")
        self.behaviour = Behaviour.KNOWN
        self.questions = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        pid = os.getpid()
        address = f"127.53.{pid >> 8 & 255}.{pid & 255}"
        self._socket.bind((address, 53))
        folder = server_factory.folder("resolver")
        configuration, hosts = folder / "resolv.conf", folder / "hosts"
        configuration.write_text(f"nameserver {address}\noptions timeout:5 attempts:2\n")
        hosts.write_text("127.0.0.1 localhost\n")
        mounts = f"mount --bind {configuration} /etc/resolv.conf && mount --bind {hosts} /etc/hosts"
        self.prefix = ["unshare", "--mount", "sh", "-c", f'{mounts} && exec "$@"', "sh"]
        self.start()

    def run(self) -> None:
        """Answer until the socket is closed."""
        while True:
            try:
                question, sender = self._socket.recvfrom(512)
            except OSError:
                return
            if not question:
                return
            self.questions += 1
            if self.behaviour != Behaviour.SILENT:
                self._socket.sendto(answer(question, known=self.behaviour == Behaviour.KNOWN), sender)

    def close(self) -> None:
        """End the thread."""
        address = self._socket.getsockname()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as goodbye:
            goodbye.sendto(b"", address)
        self.join()
        self._socket.close()


def answer(question: bytes, *, known: bool) -> bytes:
    """The reply to one question: an A record for loopback, an empty one for other types, or NXDOMAIN."""
    end = question.index(b"\0", QUESTION) + 5
    (kind,) = struct.unpack("!H", question[end - 4 : end - 2])
    records = 1 if known and kind == TYPE_A else 0
    flags = 0x8180 if known else 0x8183
    header = question[:2] + struct.pack("!5H", flags, 1, records, 0, 0)
    record = struct.pack("!3HIH4B", 0xC00C, TYPE_A, 1, 0, 4, 127, 0, 0, 1) if records else b""
    return header + question[QUESTION:end] + record
