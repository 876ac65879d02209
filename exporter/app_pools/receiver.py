"""The socket on which application processes report their pools."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import os
import socket
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from exporter.app_pools.report import RejectedError, Rejection

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exporter.model.listen_address import ListenAddress

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_SWEEP_INTERVAL = 0.5  # seconds
_READABLE_BY_ALL = 0o666  # the application runs under another uid of the same pod


class ReportHandler(Protocol):
    """Handles the datagrams of a socket."""

    def receive(self, datagram: bytes) -> None:
        """Handle one datagram; never raises."""

    def reject(self, error: RejectedError) -> None:
        """Count a datagram that was dropped."""

    def sweep(self) -> None:
        """Apply the changes that time alone has caused."""


class ReportSocket:
    """An open socket for reports; `close` also removes its file. Sweeps the handler while it is open."""

    def __init__(self, transport: asyncio.DatagramTransport, handler: ReportHandler, path: Path | None) -> None:
        self.address: Any = transport.get_extra_info("sockname")
        self._transport, self._handler = transport, handler
        self._path, self._inode = path, _inode(path)
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(_SWEEP_INTERVAL, self._sweep)

    def close(self) -> None:
        """Stop receiving; a second call does nothing."""
        self._timer.cancel()
        self._transport.abort()
        if self._path is not None and self._inode is not None and _inode(self._path) == self._inode:
            self._path.unlink(missing_ok=True)
            self._inode = None

    def _sweep(self) -> None:
        self._handler.sweep()
        self._timer = self._loop.call_later(_SWEEP_INTERVAL, self._sweep)


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self, handler: ReportHandler, sources: Sequence[Network] | None) -> None:
        self._handler, self._sources = handler, sources

    def datagram_received(self, data: bytes, addr: tuple[str, int] | None) -> None:
        """Pass on a datagram from an allowed source; count any other."""
        if self._sources is None or (addr is not None and _is_allowed(addr[0], self._sources)):
            self._handler.receive(data)
        else:
            self._handler.reject(RejectedError(Rejection.SOURCE, addr[0] if addr is not None else ""))


async def listen(handler: ReportHandler, address: ListenAddress, *, sources: Iterable[str] = ()) -> ReportSocket:
    """Receive reports at an address.

    A UDP datagram must come from loopback or from one of `sources`, which are addresses and networks: reports decide
    over restarts of the application, and where it listens on all interfaces others can reach it.

    Raises:
        ValueError: a source is no address or network.
        OSError: the socket cannot be opened.
    """
    loop = asyncio.get_running_loop()
    if address.path:
        path = Path(address.path)
        sock = _open_file(path)
        transport, _ = await loop.create_datagram_endpoint(lambda: _Protocol(handler, None), sock=sock)
        return ReportSocket(transport, handler, path)
    networks = [ipaddress.ip_network(source, strict=False) for source in sources]
    with contextlib.suppress(ValueError):  # a name
        networks.append(ipaddress.ip_network(address.host))
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Protocol(handler, networks),
        local_addr=("127.0.0.1" if address.host == "localhost" else address.host, address.port),
    )
    return ReportSocket(transport, handler, None)


def _is_allowed(host: str, sources: Iterable[Network]) -> bool:
    ip = ipaddress.ip_address(host.partition("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return ip.is_loopback or any(ip in network for network in sources)


def _open_file(path: Path) -> socket.socket:
    _remove_stale(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.bind(str(path))
        path.chmod(_READABLE_BY_ALL)
    except OSError:
        sock.close()
        raise
    return sock


def _remove_stale(path: Path) -> None:
    """Remove the socket file of an exporter that has ended; leave one in use, and any other file, alone."""
    if not path.exists() or not stat.S_ISSOCK(path.stat().st_mode):
        return  # bind raises the right error
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        else:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE), str(path))


def _inode(path: Path | None) -> int | None:
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_ino if path else None
    return None
