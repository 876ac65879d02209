"""The image of a release as the registry has it: its size, parts, labels and times, and both platforms at work."""

import json
import os
import platform
import subprocess
import tarfile
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from exporter import __version__
from tests.cluster import node
from tests.cluster.registry import BASE, Published
from tests.release.schema import violations
from tests.support import client
from tests.support.needs import need, need_tools
from tests.support.ports import free_port
from tests.support.postgres import Postgres
from tests.support.waiting import until
from tools.release import image, source
from tools.release.__main__ import read

pytestmark = pytest.mark.timeout(1500)  # the first test waits for both releases
IMAGE = "db-health-exporter"
FULL = os.environ.get("E2E_RELEASE") == "full"
# Programs of arm64 by the head of their files, as binfmt_misc takes them.
ARM64 = (
    r":qemu-aarch64:M::\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
    r":\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:/usr/bin/qemu-aarch64-static:OPF"
)
# A file system of arm64 in namespaces of its own, where the kernel gives its programs to qemu.
EMULATED = """
mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
printf '%s' "$1" > /proc/sys/fs/binfmt_misc/register
root=$2
mount --rbind /proc "$root/proc"
shift 2
exec chroot "$root" "$@"
"""


def fetch(published: Published, name: str, reference: str) -> dict[str, Any]:
    """A manifest from the registry."""
    kinds = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json"
    url = f"http://{published.registry}/v2/{name}/manifests/{reference}"
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": kinds})) as response:
        found: dict[str, Any] = json.load(response)
    return found


def blob(published: Published, name: str, digest: str) -> str:
    """Where the registry has one layer or configuration."""
    return f"http://{published.registry}/v2/{name}/blobs/{digest}"


def test_the_image_is_for_two_platforms_and_small(published: Published) -> None:
    """Under 90 MB compressed, each with the list of its parts; provenance names both by the index's digest."""
    index = fetch(published, IMAGE, __version__)
    by_platform = {entry["platform"]["architecture"]: entry["digest"] for entry in index["manifests"]}
    assert set(by_platform) == {"amd64", "arm64"}
    out = published.folder / __version__
    provenance = json.loads((out / "provenance.intoto.json").read_text())
    build = provenance["predicate"]["buildDefinition"]
    commit = build["resolvedDependencies"][0]["digest"]["gitCommit"]
    for architecture, digest in by_platform.items():
        manifest = fetch(published, IMAGE, digest)
        size = sum(layer["size"] for layer in manifest["layers"])
        print(f"{architecture}: {size / 1e6:.1f} MB compressed")
        assert size < 90e6
        with urllib.request.urlopen(blob(published, IMAGE, manifest["config"]["digest"])) as response:
            labels = json.load(response)["config"]["Labels"]
        # A cached line would bring the labels of the release before.
        assert labels["org.opencontainers.image.version"] == __version__
        assert labels["org.opencontainers.image.revision"] == commit
        sbom = json.loads((out / f"db-health-exporter-image-{__version__}-{architecture}.cdx.json").read_text())
        assert any(part["name"] == "asyncpg" for part in sbom["components"])
        assert violations(json.dumps(sbom)) == []
        assert f"arch={architecture}" in next(part["purl"] for part in sbom["components"] if part["name"] == "libc6")
    subjects = {entry["digest"]["sha256"] for entry in provenance["subject"]}
    assert {digest.partition(":")[2] for digest in published.digests(__version__).values()} <= subjects


def test_what_a_layer_holds_has_the_time_of_the_commit(published: Published) -> None:
    """A layer that another build left in the cache would have that build's times."""
    statement = json.loads((published.folder / __version__ / "provenance.intoto.json").read_text())
    epoch = statement["predicate"]["buildDefinition"]["internalParameters"]["SOURCE_DATE_EPOCH"]
    for entry in fetch(published, IMAGE, __version__)["manifests"]:
        for layer in fetch(published, IMAGE, entry["digest"])["layers"]:
            url = blob(published, IMAGE, layer["digest"])
            with urllib.request.urlopen(url) as response, tarfile.open(fileobj=response, mode="r|gz") as files:
                assert {member.mtime for member in files} == {epoch}


def test_two_builds_of_a_commit_hold_the_same(published: Published, tmp_path: Path) -> None:
    """Layer for layer; the second builds everything anew."""
    if not FULL:
        pytest.skip("builds an image a second time, which takes minutes: E2E_RELEASE=full asks for it")
    words = ["--version", __version__, "--base", BASE, "--image-flags", node.call("images", "--flags").strip()]
    job, _ = read(["--registry", published.registry, *words])
    tree = source.export(job, tmp_path / "tree")
    again = "localhost/db-health-exporter:again"
    subprocess.run([*image.command(job, "amd64"), "--no-cache", "--tag", again, tree], check=True, capture_output=True)

    assert inspect(again)["OCIv1"]["rootfs"] == inspect(job.local_image("amd64"))["OCIv1"]["rootfs"]


def inspect(name: str) -> dict[str, Any]:
    """What buildah knows of an image."""
    words = ["buildah", "inspect", "--type", "image", name]
    found: dict[str, Any] = json.loads(subprocess.run(words, capture_output=True, check=True).stdout)
    return found


@pytest.fixture
def emulated(published: Published, cleanup: ExitStack) -> Callable[..., "subprocess.Popen[str]"]:
    """Run a command of the image for arm64 under qemu."""
    del published
    need(platform.machine() == "x86_64", "runs arm64 on x86_64")
    need_tools("qemu-aarch64-static", "unshare")
    name = f"localhost/db-health-exporter:{__version__}-arm64"
    words = ["buildah", "from", "--arch", "arm64", name]
    container = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    cleanup.callback(subprocess.run, ["buildah", "rm", container], capture_output=True, check=True)
    root = subprocess.run(["buildah", "mount", container], capture_output=True, text=True, check=True).stdout.strip()

    def run(*command: str, **environment: str) -> "subprocess.Popen[str]":
        given = {"PATH": os.environ["PATH"], "PYTHONOPTIMIZE": "2", "PYTHONDONTWRITEBYTECODE": "1", **environment}
        inside = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-ec", EMULATED, "sh", ARM64, root]
        return subprocess.Popen(
            [*inside, *command], env=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    return run


def test_the_image_for_arm64_checks_and_serves(
    emulated: Callable[..., "subprocess.Popen[str]"], database: Postgres, cleanup: ExitStack
) -> None:
    """On another platform's instructions, against a real server."""
    python = "/opt/exporter/bin/python3"
    machine, _ = emulated(python, "-c", "import platform; print(platform.machine())").communicate(timeout=60)
    assert machine == "aarch64\n"
    patient = {"DATABASE_URL": database.url(), "PROBE_TIMEOUT": "10", "PROBE_INTERVAL": "30"}
    checked = emulated("/opt/exporter/bin/db-health-exporter", "check", **patient)
    said, _ = checked.communicate(timeout=120)
    assert checked.returncode == 0, said
    assert said.startswith("app: success in ")

    port = free_port()
    place = {"LISTEN_HOST": "127.0.0.1", "LISTEN_PORT": str(port), "HEALTH_MAX_AGE": "60"}
    serving = emulated(python, "-m", "exporter", "serve", **patient, **place)
    assert serving.stdout is not None
    cleanup.callback(serving.stdout.close)
    cleanup.callback(serving.wait)
    cleanup.callback(serving.kill)
    until(lambda: healthy(port), within=120, what="/healthz answers 200", every=0.5)


def healthy(port: int) -> bool:
    """Whether the exporter on a port answers that its database is well."""
    try:
        return client.get("127.0.0.1", port, "/healthz").status == 200
    except OSError:
        return False
