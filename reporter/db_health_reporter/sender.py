"""Sends datagrams to the exporter without ever waiting, failing or holding up the end of the process."""

from __future__ import annotations

import ipaddress
import logging
import socket
import threading
from typing import Any

from db_health_reporter.settings import parse

logger = logging.getLogger("db_health_reporter")


class Channel:
    """One non-blocking datagram socket; a datagram that cannot be sent at once is dropped and counted."""

    def __init__(self, address: str) -> None:
        """Remember where to; nothing is opened yet."""
        self.errors = 0
        self._address = address
        self._told = False
        self._socket: socket.socket | None = None
        self.reset()

    def __del__(self) -> None:
        """Close the socket once nobody sends any more: closed under a sender, its number might be another file's."""
        if self._socket is not None:
            self._socket.close()

    def reset(self) -> None:
        """Open a socket of its own at the next report: after a fork the old one is the parent's."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._target: Any = None
        self._resolver: threading.Thread | None = None
        if self._address.startswith("unix:"):
            self._family, self._target = socket.AF_UNIX, self._address[len("unix:") :]
            return
        host, port = parse(self._address) or ("127.0.0.1", 9851)
        try:
            literal = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return  # a name: looked up when it is first needed
        is_old = isinstance(literal, ipaddress.IPv4Address)
        self._family = socket.AF_INET if is_old else socket.AF_INET6
        self._target = (host, port)

    def send(self, datagram: bytes) -> None:
        """Send, or count an error."""
        try:
            if self._target is None:
                self._resolve()
                return
            if self._socket is None:
                self._socket = socket.socket(self._family, socket.SOCK_DGRAM)
                self._socket.setblocking(False)
            self._socket.sendto(datagram, self._target)
        except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: no thread to be had any more
            self.errors += 1
            if not self._told:
                self._told = True
                logger.debug("a report was not sent (%s); later ones that fail are only counted", error)

    def _resolve(self) -> None:
        # In a daemon thread, one at a time: a DNS that never answers holds up neither the event loop nor
        # the end of the process. A look-up that failed is repeated at the next report.
        if self._resolver is None or not self._resolver.is_alive():
            self._resolver = threading.Thread(target=self._look_up, name="dbhealth-resolver", daemon=True)
            self._resolver.start()

    def _look_up(self) -> None:
        host, port = parse(self._address) or ("127.0.0.1", 9851)
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        except (OSError, UnicodeError):
            self.errors += 1
        else:
            self._family, self._target = found[0], found[4]
