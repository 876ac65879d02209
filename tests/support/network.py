"""A network namespace of the test's own, whose packets can be dropped or refused.

It has no name: it lives as long as the process that holds it, and its addresses, routes, firewall rules and
the link to the outside die with it.
"""

import itertools
import os
import subprocess
from collections.abc import Iterator

from tests.support.needs import need_root, need_tools
from tests.support.server_factory import ServerFactory

TABLE = "inet fault"


def subnets() -> Iterator[str]:
    """Networks of four addresses from the range for benchmarks (RFC 2544), different in parallel runs."""
    start = os.getpid() * 64 % 16384
    for number in itertools.count(start):
        yield f"198.18.{number // 64 % 256}.{number % 64 * 4}"


class Network:
    """A namespace joined to this one by a veth pair; `prefix` runs a server inside."""

    def __init__(self, server_factory: ServerFactory, subnet: str) -> None:
        """Make it and bring both ends up."""
        need_root()
        need_tools("ip", "nft", "nsenter", "unshare")
        base, last = subnet.rsplit(".", 1)
        self.outside, self.inside, self.nowhere = (f"{base}.{int(last) + n}" for n in (1, 2, 3))
        self._holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo ready; exec sleep infinity"],
            cwd=server_factory.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == b"ready\n"
        pid = str(self._holder.pid)
        self.prefix = ["nsenter", f"--net=/proc/{pid}/ns/net"]
        link = f"dh{pid}"
        _run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", pid)
        _run("ip", "address", "add", f"{self.outside}/30", "dev", link)
        _run("ip", "link", "set", link, "up")
        self._inside("ip", "link", "set", "lo", "up")
        self._inside("ip", "address", "add", f"{self.inside}/30", "dev", "eth0")
        self._inside("ip", "link", "set", "eth0", "up")
        # By default the kernel sends this answer once a second only, and a lost query's repetitions use that up.
        self._inside("sh", "-c", "echo 0 > /proc/sys/net/ipv4/icmp_ratelimit")
        self._inside("nft", f"add table {TABLE}")
        self._inside("nft", f"add chain {TABLE} input {{ type filter hook input priority 0; }}")

    def drop(self) -> None:
        """Drop every packet that arrives."""
        self._inside("nft", f"add rule {TABLE} input iifname eth0 drop")

    def refuse_route(self) -> None:
        """Answer every packet as a router without a route to the host does."""
        self._inside("nft", f"add rule {TABLE} input iifname eth0 reject with icmp type host-unreachable")

    def mend(self) -> None:
        """Let packets through again."""
        self._inside("nft", f"flush chain {TABLE} input")

    def close(self) -> None:
        """End the namespace and all that is in it."""
        if self._holder.poll() is None:
            self._holder.kill()
            self._holder.communicate()

    def _inside(self, *words: str) -> None:
        _run(*self.prefix, *words)


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{words}: {done.stderr}")
