"""An OCI registry of the tests' own, what was released into it, and its clients in an empty home."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from exporter import __version__
from tests.chart.tools import ROOT, tool
from tests.cluster import node
from tests.release.keys import P_256, generate
from tests.support.ports import free_port
from tests.support.waiting import until

PREVIOUS = f"{__version__}-rc.1"
BASE = "localhost/dbhealth-base:bookworm-{arch}"
CONFIGURATION = """
version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: "{address}"}}
log: {{level: error}}
"""


class Registry:
    """distribution, on the address at which this machine is known to its pods."""

    def __init__(self, folder: Path) -> None:
        """Start it."""
        self.address = f"{node.HOST}:{free_port(node.HOST)}"
        configuration = folder / "registry.yaml"
        configuration.write_text(CONFIGURATION.format(folder=folder / "registry", address=self.address))
        with (folder / "registry.log").open("wb") as log:
            command: list[str | Path] = [tool("registry", "registry"), "serve", configuration]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        until(self._answers, within=20, what="the registry answers", every=0.1)

    def _answers(self) -> bool:
        return (
            subprocess.run(["curl", "-sf", f"http://{self.address}/v2/"], capture_output=True, check=False).returncode
            == 0
        )

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()


@dataclass(frozen=True)
class Published:
    """Releases in a registry."""

    registry: str
    folder: Path

    def release(self, version: str, key: Path) -> Path:
        """Run `make release`; the folder of what it made."""
        out = self.folder / version
        flags = node.call("images", "--flags").strip()
        words = {"REGISTRY": self.registry, "VERSION": version, "OUT": out, "KEY": key, "BASE": BASE}
        words |= {"IMAGE_FLAGS": flags, "HELM": tool("helm4", "helm"), "PLAIN_HTTP": 1}
        cosign = Path(tool("registry", "registry")).parents[1] / "cosign"
        done = subprocess.run(
            ["make", "release", f"VENV={sys.prefix}", *(f"{name}={value}" for name, value in words.items())],
            cwd=ROOT,
            env={**os.environ, "PATH": f"{cosign}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"make release ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-4000:]}")
        return out

    def digests(self, version: str) -> dict[str, str]:
        """The digest of each thing that was pushed, by its name without the registry."""
        lines = (self.folder / version / "pushed.txt").read_text().split()
        return {
            name.removeprefix(f"{self.registry}/"): digest
            for name, _, digest in (line.partition("@") for line in lines)
        }


@contextmanager
def releases(folder: Path) -> Iterator[Published]:
    """The last commit, released twice: as the version before this one, and as this one."""
    subprocess.run([node.HERE.parent / "release/arm64-base"], check=True)
    key = generate(folder / "key.pem", *P_256)
    registry = Registry(folder)
    try:
        found = Published(registry.address, folder)
        for version in (PREVIOUS, __version__):
            found.release(version, key)
        _let_containerd_pull_from(registry.address)
        yield found
    finally:
        registry.close()


def _let_containerd_pull_from(address: str) -> None:
    """Allow plain HTTP; containerd 1.6 reads no file without a table of hosts."""
    home = Path(node.call("cluster", "home").strip()) / "state/certs.d" / address
    home.mkdir(parents=True)
    host = f'[host."http://{address}"]\n  capabilities = ["pull", "resolve"]\n'
    (home / "hosts.toml").write_text(f'server = "http://{address}"\n{host}')


@dataclass(frozen=True)
class Stranger:
    """Somebody with a cluster, a Helm and nothing else: an empty folder, an empty home."""

    home: Path
    kubeconfig: Path
    version: str

    @property
    def environment(self) -> dict[str, str]:
        """What its programs are given: no more than this."""
        return {"PATH": "/usr/bin:/bin", "HOME": str(self.home), "KUBECONFIG": str(self.kubeconfig)}

    def helm(self, *words: str) -> str:
        """Run Helm.

        Raises:
            RuntimeError: it failed.
        """
        done = subprocess.run(
            [tool(self.version, "helm"), *words],
            cwd=self.home,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{self.version} {' '.join(words)}: {done.stderr}{done.stdout}")
        return done.stdout + done.stderr
