"""Sends datagrams to the exporter; never waits, never raises, never delays the end of the process."""

from __future__ import annotations

import ipaddress
import logging
import os
import socket
import threading
from typing import Any

from db_health_reporter.settings import OFF, parse_address

logger = logging.getLogger("db_health_reporter")


class Sender:
    """One non-blocking datagram socket; a datagram that cannot be sent at once is dropped and counted in `errors`."""

    def __init__(self, address: str) -> None:
        """Keep the address; the socket is opened by the first `send`."""
        self.errors = 0
        self._address = address
        self._logged = False
        self._socket: socket.socket | None = None
        self._file = (0, 0)  # device and inode of the socket
        self.reset()

    def __del__(self) -> None:
        """Close the socket when no thread uses it any more: its number might belong to another file in mid-send."""
        self._close()

    def reset(self) -> None:
        """Open a new socket at the next report: after a fork the old one is the parent's."""
        self._close()
        self._target: Any = None
        self._resolver: threading.Thread | None = None
        if self._address == OFF:
            return
        if self._address.startswith("unix:"):
            self._family, self._target = socket.AF_UNIX, self._address[len("unix:") :]
            return
        host, port = self._host_and_port()
        try:
            literal = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return  # a name: resolved when it is first needed
        is_version_4 = isinstance(literal, ipaddress.IPv4Address)
        self._family = socket.AF_INET if is_version_4 else socket.AF_INET6
        self._target = (host, port)

    @property
    def is_resolved(self) -> bool:
        """Whether `send` needs no other thread."""
        return self._target is not None

    def send(self, datagram: bytes) -> None:
        """Send the datagram, or count an error."""
        try:
            if self._target is None:
                if self._address != OFF:
                    self._start_resolving()
                return
            if not self._is_open():
                self._open()
            if self._socket is not None:
                self._socket.sendto(datagram, self._target)
        except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: no thread can be started any more
            self.errors += 1
            if not self._logged:
                self._logged = True
                logger.debug("a report was not sent (%s); later ones that fail are only counted", error)

    def _open(self) -> None:
        self._close()
        self._socket = socket.socket(self._family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        found = os.fstat(self._socket.fileno())
        self._file = (found.st_dev, found.st_ino)

    def _is_open(self) -> bool:
        """Return whether the socket's number is still this socket.

        What makes a process a daemon closes all files by their numbers, and the application's next connection gets one
        of them: a report sent there would end in the middle of its session.
        """
        if self._socket is None:
            return False
        try:
            found = os.fstat(self._socket.fileno())
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._file

    def _close(self) -> None:
        if self._socket is not None and self._is_open():
            self._socket.close()
        elif self._socket is not None:
            self._socket.detach()  # the number is another file's
        self._socket = None

    def _host_and_port(self) -> tuple[str, int]:
        return parse_address(self._address) or ("127.0.0.1", 9851)

    def _start_resolving(self) -> None:
        # In a daemon thread, one at a time: a DNS server that never answers delays neither the event loop nor the
        # end of the process. A failed look-up is repeated at the next report.
        if self._resolver is None or not self._resolver.is_alive():
            self._resolver = threading.Thread(target=self._resolve, name="dbhealth-resolver", daemon=True)
            self._resolver.start()

    def _resolve(self) -> None:
        host, port = self._host_and_port()
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        except (OSError, UnicodeError):
            self.errors += 1
        else:
            self._family, self._target = found[0], found[4]
