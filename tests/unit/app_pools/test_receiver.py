"""The sockets for reports: who may send, and what is left behind."""

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


class Arrivals:
    """Tells when something has changed."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._changed = asyncio.Event()
        self.pools = AppPools(databases={"main": "app"}, on_change=self._changed.set)

    async def until(self, condition: Callable[[AppPools], object]) -> None:
        """Wait for the reports to say so."""
        async with asyncio.timeout(5):
            while not condition(self.pools):
                self._changed.clear()
                await self._changed.wait()


@pytest.fixture
async def arrivals() -> Arrivals:
    """Reports as they come in."""
    return Arrivals()


@pytest.fixture
def place(server_factory: ServerFactory) -> Path:
    """Where a socket may be."""
    folder = server_factory.folder("reports")
    folder.chmod(0o777)
    return folder / "reports.sock"


def send(family: socket.AddressFamily, address: Any, data: bytes) -> None:
    """Send one datagram as an application does."""
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.sendto(data, address)


@pytest.mark.parametrize("address", ["127.0.0.1:0/udp", "127.0.0.1:0", "localhost:0/udp"])
async def test_udp_on_loopback(arrivals: Arrivals, address: str) -> None:
    """A report that is sent to the port is taken in."""
    listener = await listen(arrivals.pools, ListenAddress.parse(address))

    send(socket.AF_INET, listener.address, datagram())

    await arrivals.until(AppPools.states)
    listener.close()


async def test_udp_over_ipv6(arrivals: Arrivals) -> None:
    """IPv6 has a loopback too."""
    listener = await listen(arrivals.pools, ListenAddress.parse("[::1]:0/udp"))

    send(socket.AF_INET6, listener.address, datagram())

    await arrivals.until(AppPools.states)
    listener.close()


async def test_other_sources_are_refused(arrivals: Arrivals, net: Network) -> None:
    """A datagram from outside of the pod is counted by its source and not read."""
    listener = await listen(arrivals.pools, ListenAddress.parse("0.0.0.0:0/udp"))
    port = listener.address[1]
    program = f"import socket; socket.socket(2, 2).sendto({datagram()!r}, ({net.outside!r}, {port}))"

    subprocess.run([*net.prefix, sys.executable, "-c", program], check=True)

    await arrivals.until(lambda pools: pools.rejected()[Rejection.SOURCE])
    assert arrivals.pools.states() == ()
    listener.close()


async def test_the_pods_own_address_is_no_stranger(arrivals: Arrivals, net: Network) -> None:
    """A sender in the pod may use the pod's address."""
    listener = await listen(arrivals.pools, ListenAddress.parse("0.0.0.0:0/udp"), sources=[net.outside])
    port = listener.address[1]

    send(socket.AF_INET, (net.outside, port), datagram())

    await arrivals.until(AppPools.states)
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
def test_sources(address: str, sources: list[str], allowed: bool) -> None:
    """Loopback may always send; others by address or network, IPv4 in IPv6 as IPv4."""
    networks = [ipaddress.ip_network(source) for source in sources]

    assert receiver._is_allowed(address, networks) is allowed


async def test_another_container_may_be_named(arrivals: Arrivals, net: Network) -> None:
    """A report over another network arrives when a setting names that network."""
    socket_for_reports = await listen(
        arrivals.pools, ListenAddress.parse("0.0.0.0:0/udp"), sources=[f"{net.inside}/30"]
    )
    port = socket_for_reports.address[1]
    program = f"import socket; socket.socket(2, 2).sendto({datagram()!r}, ({net.outside!r}, {port}))"

    subprocess.run([*net.prefix, sys.executable, "-c", program], check=True)

    await arrivals.until(AppPools.states)
    socket_for_reports.close()


async def test_unix_socket_for_every_user(arrivals: Arrivals, place: Path) -> None:
    """The application has another uid than the exporter, and may write all the same."""
    need_root()
    need_tools("setpriv")
    listener = await listen(arrivals.pools, ListenAddress.parse(f"unix:{place}"))
    program = f"import socket; socket.socket(1, 2).sendto({datagram()!r}, {str(place)!r})"

    subprocess.run(["setpriv", "--reuid=4242", "--clear-groups", "/usr/bin/python3", "-c", program], check=True)

    await arrivals.until(AppPools.states)
    listener.close()


async def test_unix_socket_is_removed_at_the_end(arrivals: Arrivals, place: Path) -> None:
    """What the exporter made it takes away, once."""
    listener = await listen(arrivals.pools, ListenAddress.parse(f"unix:{place}"))
    assert stat.S_ISSOCK(place.stat().st_mode)

    listener.close()
    listener.close()

    assert not place.exists()


async def test_a_stale_socket_is_replaced(arrivals: Arrivals, place: Path) -> None:
    """An exporter that was killed leaves its socket behind; the next one is not stopped by it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead:
        dead.bind(str(place))

    listener = await listen(arrivals.pools, ListenAddress.parse(f"unix:{place}"))
    send(socket.AF_UNIX, str(place), datagram())

    await arrivals.until(AppPools.states)
    listener.close()


async def test_a_socket_in_use_is_left_alone(arrivals: Arrivals, place: Path) -> None:
    """Two exporters do not take each other's reports; the second one says what is wrong."""
    first = await listen(arrivals.pools, ListenAddress.parse(f"unix:{place}"))

    with pytest.raises(OSError, match="in use"):
        await listen(arrivals.pools, ListenAddress.parse(f"unix:{place}"))

    send(socket.AF_UNIX, str(place), datagram())
    await arrivals.until(AppPools.states)
    first.close()


async def test_a_file_is_not_removed(arrivals: Arrivals, place: Path) -> None:
    """Only a socket is ever taken for a leftover."""
    place.write_text("precious")

    with pytest.raises(OSError, match="in use"):
        await listen(arrivals.pools, ListenAddress.parse(f"unix:{place}"))

    assert place.read_text() == "precious"


async def test_a_successors_socket_is_not_removed(arrivals: Arrivals, place: Path) -> None:
    """At its end an exporter removes its own socket, not that of the one that took its place."""
    first = await listen(arrivals.pools, ListenAddress.parse(f"unix:{place}"))
    place.unlink()
    second = await listen(arrivals.pools, ListenAddress.parse(f"unix:{place}"))

    first.close()

    assert place.exists()
    second.close()


async def test_time_is_looked_at(arrivals: Arrivals) -> None:
    """With nobody sending, gauges still vanish within the TTL."""
    pools = AppPools(databases={}, ttl=1.0, on_change=arrivals._changed.set)
    arrivals.pools = pools
    listener = await listen(pools, ListenAddress.parse("127.0.0.1:0"))
    send(socket.AF_INET, listener.address, datagram())
    await arrivals.until(AppPools.states)

    await arrivals.until(lambda pools: not pools.states())

    listener.close()
