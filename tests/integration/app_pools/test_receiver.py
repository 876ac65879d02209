"""The sockets for reports: allowed senders, and removal at the end."""

import asyncio
import ipaddress
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exporter.app_pools import receiver
from exporter.app_pools.receiver import listen
from exporter.app_pools.registry import AppPools
from exporter.app_pools.report import Rejection
from exporter.model.listen_address import ListenAddress
from tests.reporter.datagrams import datagram
from tests.support.needs import need_root, need_tools
from tests.support.network import Network
from tests.support.server_factory import ServerFactory


class ReceivedReports:
    """Waits for changes of the registry."""

    def __init__(self) -> None:
        """Start without a change."""
        self._changed = asyncio.Event()
        self.pools = AppPools(databases={"main": "app"}, on_change=self._changed.set)

    async def until(self, condition: Callable[[AppPools], object]) -> None:
        """Wait until the reports fulfil a condition."""
        async with asyncio.timeout(5):
            while not condition(self.pools):
                self._changed.clear()
                await self._changed.wait()


@pytest.fixture
async def received() -> ReceivedReports:
    """The reports received so far."""
    return ReceivedReports()


@pytest.fixture
def socket_path(server_factory: ServerFactory) -> Path:
    """The path of the socket's file."""
    folder = server_factory.folder("reports")
    folder.chmod(0o777)
    return folder / "reports.sock"


def send(family: socket.AddressFamily, address: Any, data: bytes) -> None:
    """Send one datagram as an application does."""
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.sendto(data, address)


@pytest.mark.parametrize("address", ["127.0.0.1:0/udp", "127.0.0.1:0", "localhost:0/udp"])
async def test_report_by_udp_on_loopback_is_received(received: ReceivedReports, address: str) -> None:
    """A report sent to the port is received."""
    listener = await listen(received.pools, ListenAddress.parse(address))

    send(socket.AF_INET, listener.address, datagram())

    await received.until(AppPools.states)
    listener.close()


async def test_report_by_udp_over_ipv6_is_received(received: ReceivedReports) -> None:
    """A report sent to IPv6's loopback is received."""
    listener = await listen(received.pools, ListenAddress.parse("[::1]:0/udp"))

    send(socket.AF_INET6, listener.address, datagram())

    await received.until(AppPools.states)
    listener.close()


async def test_other_sources_are_refused(received: ReceivedReports, net: Network) -> None:
    """A datagram from outside the pod is counted as rejected, and not parsed."""
    listener = await listen(received.pools, ListenAddress.parse("0.0.0.0:0/udp"))
    port = listener.address[1]
    program = f"import socket; socket.socket(2, 2).sendto({datagram()!r}, ({net.outside!r}, {port}))"

    subprocess.run([*net.prefix, sys.executable, "-c", program], check=True)

    await received.until(lambda pools: pools.rejected()[Rejection.SOURCE])
    assert received.pools.states() == ()
    listener.close()


async def test_the_pods_own_address_may_send(received: ReceivedReports, net: Network) -> None:
    """A sender in the pod may send from the pod's own address."""
    listener = await listen(received.pools, ListenAddress.parse("0.0.0.0:0/udp"), sources=[net.outside])
    port = listener.address[1]

    send(socket.AF_INET, (net.outside, port), datagram())

    await received.until(AppPools.states)
    listener.close()


@pytest.mark.parametrize(
    ("address", "sources", "allowed"),
    [
        ("172.18.0.3", ["172.16.0.0/12"], True),
        ("172.18.0.3", ["172.18.0.3"], True),
        ("172.18.0.3", ["172.18.0.4", "10.0.0.0/8"], False),
        ("172.18.0.3", [], False),
        ("::ffff:172.18.0.3", ["172.18.0.0/16"], True),
        ("fd00::3%eth0", ["fd00::/8"], True),
        ("fd00::3", ["172.16.0.0/12"], False),
        ("127.0.0.9", [], True),
        ("::1", [], True),
    ],
)
def test_loopback_and_named_networks_may_send(address: str, sources: list[str], allowed: bool) -> None:
    """Loopback may always send; other addresses must be named; IPv4 in IPv6 counts as IPv4."""
    networks = [ipaddress.ip_network(source) for source in sources]

    assert receiver._is_allowed(address, networks) is allowed


async def test_a_named_network_may_send(received: ReceivedReports, net: Network) -> None:
    """A report over another network arrives when a setting names that network."""
    socket_for_reports = await listen(
        received.pools, ListenAddress.parse("0.0.0.0:0/udp"), sources=[f"{net.inside}/30"]
    )
    port = socket_for_reports.address[1]
    program = f"import socket; socket.socket(2, 2).sendto({datagram()!r}, ({net.outside!r}, {port}))"

    subprocess.run([*net.prefix, sys.executable, "-c", program], check=True)

    await received.until(AppPools.states)
    socket_for_reports.close()


async def test_unix_socket_is_open_to_every_user(received: ReceivedReports, socket_path: Path) -> None:
    """An application with another uid may write to the socket."""
    need_root()
    need_tools("setpriv")
    listener = await listen(received.pools, ListenAddress.parse(f"unix:{socket_path}"))
    program = f"import socket; socket.socket(1, 2).sendto({datagram()!r}, {str(socket_path)!r})"

    subprocess.run(["setpriv", "--reuid=4242", "--clear-groups", "/usr/bin/python3", "-c", program], check=True)

    await received.until(AppPools.states)
    listener.close()


async def test_unix_socket_is_removed_at_the_end(received: ReceivedReports, socket_path: Path) -> None:
    """The exporter removes the socket that it made, once."""
    listener = await listen(received.pools, ListenAddress.parse(f"unix:{socket_path}"))
    assert stat.S_ISSOCK(socket_path.stat().st_mode)

    listener.close()
    listener.close()

    assert not socket_path.exists()


async def test_a_stale_socket_is_replaced(received: ReceivedReports, socket_path: Path) -> None:
    """The socket of a killed exporter does not stop the next one."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead:
        dead.bind(str(socket_path))

    listener = await listen(received.pools, ListenAddress.parse(f"unix:{socket_path}"))
    send(socket.AF_UNIX, str(socket_path), datagram())

    await received.until(AppPools.states)
    listener.close()


async def test_a_socket_in_use_is_left_alone(received: ReceivedReports, socket_path: Path) -> None:
    """A second exporter does not take over a socket in use; its error says so."""
    first = await listen(received.pools, ListenAddress.parse(f"unix:{socket_path}"))

    with pytest.raises(OSError, match="in use"):
        await listen(received.pools, ListenAddress.parse(f"unix:{socket_path}"))

    send(socket.AF_UNIX, str(socket_path), datagram())
    await received.until(AppPools.states)
    first.close()


async def test_a_file_is_not_removed(received: ReceivedReports, socket_path: Path) -> None:
    """A file that is no socket is never removed."""
    socket_path.write_text("precious")

    with pytest.raises(OSError, match="in use"):
        await listen(received.pools, ListenAddress.parse(f"unix:{socket_path}"))

    assert socket_path.read_text() == "precious"


async def test_a_successors_socket_is_not_removed(received: ReceivedReports, socket_path: Path) -> None:
    """At its end an exporter does not remove its successor's socket."""
    first = await listen(received.pools, ListenAddress.parse(f"unix:{socket_path}"))
    socket_path.unlink()
    second = await listen(received.pools, ListenAddress.parse(f"unix:{socket_path}"))

    first.close()

    assert socket_path.exists()
    second.close()


@pytest.mark.extended
async def test_gauges_vanish_without_any_datagram(received: ReceivedReports) -> None:
    """Gauges vanish within the TTL although no datagram arrives."""
    pools = AppPools(databases={}, ttl=1.0, on_change=received._changed.set)
    received.pools = pools
    listener = await listen(pools, ListenAddress.parse("127.0.0.1:0"))
    send(socket.AF_INET, listener.address, datagram())
    await received.until(AppPools.states)

    await received.until(lambda pools: not pools.states())

    listener.close()
