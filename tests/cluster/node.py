"""The one-node Kubernetes beside this file: start it, load images, end it, and look for leftovers."""

import subprocess
from pathlib import Path

from tests.support.needs import need, need_root, need_tools

HERE = Path(__file__).parent
HOST = "10.252.0.1"  # this machine, as pods see it
TOOLS = (
    "go", "buildah", "debootstrap", "containerd", "ctr", "runc", "ip", "iptables", "conntrack", "openssl", "pgrep",
    "nsenter", "unshare",
)  # fmt: skip


def call(script: str, *words: str | Path) -> str:
    """Run one of the scripts beside this file; the end of its output is in the error when it fails."""
    done = subprocess.run([HERE / script, *words], capture_output=True, text=True, check=False, timeout=1500)
    if done.returncode != 0:
        raise RuntimeError(f"{script} ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def check_machine() -> None:
    """Skip the test on a machine that cannot run a cluster, or fail it where CI promised one."""
    need_root()
    need_tools(*TOOLS)
    need(Path("/usr/lib/cni/bridge").is_file(), "needs Debian's containernetworking-plugins")


def up() -> Path:
    """Start the cluster, building its programs first where they are missing; its kubeconfig."""
    return Path(call("cluster", "up").strip().splitlines()[-1])


def load(*archives: str) -> None:
    """Load images onto the node."""
    call("cluster", "load", *archives)


def images() -> list[str]:
    """Build the images that the tests run."""
    return call("images").split()


def down() -> None:
    """End it."""
    call("cluster", "down")


def leftovers() -> list[str]:
    """Remains of a cluster on the machine, after an end that failed."""
    home = Path(call("cluster", "home").strip())
    found = [f"file {path}" for path in [home / "state"] if path.exists()]
    found += [f"link {line}" for line in _lines("ip", "-o", "link") if "dbhealth0" in line]
    found += [f"route {line}" for line in _lines("ip", "route") if line.startswith(("10.252.", "10.253.", "10.254."))]
    found += [f"rule {line}" for line in _lines("iptables-save") if "KUBE" in line or "CNI" in line]
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    found += [f"mount {line}" for line in mounts if str(home) in line or "kubelet" in line]
    found += [f"process {pid}" for pid in _processes(home)]
    found += [f"cgroup {path}" for path in Path("/sys/fs/cgroup").glob("**/kubepods*")]
    return found


def _lines(*command: str) -> list[str]:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def _processes(home: Path) -> list[str]:
    """Processes that run the cluster's programs or containers."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if f"{home}/state" in command or f"{home}/bin-" in command or "containerd-shim" in command:
            found.append(f"{entry.name} {command[:100]}")
    return found
