"""A release in a registry, and those who have nothing but its address."""

import hashlib
import json
import os
import platform
import subprocess
import sys
import tarfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from exporter import __version__
from tests.chart.tools import tool
from tests.cluster import node
from tests.cluster.conftest import CURRENT
from tests.cluster.kube import Kube, Pod
from tests.cluster.registry import BASE, Published, Registry, Stranger
from tests.docs.blocks import ALL
from tests.release.schema import violations
from tests.support import client
from tests.support.needs import need, need_tools
from tests.support.ports import free_port
from tests.support.postgres import Postgres
from tests.support.waiting import until
from tools.release import image, source
from tools.release.__main__ import read

pytestmark = pytest.mark.timeout(1500)  # the first test waits for both releases
PREVIOUS = f"{__version__}-rc.1"
CHART = "charts/db-health-exporter"
IMAGE = "db-health-exporter"
FULL = os.environ.get("E2E_RELEASE") == "full"
SECRET = ("create", "secret", "generic", "orders-database")
STANDALONE = ("--set", "mode=standalone", "--set", "database.existingSecret.name=orders-database")
# What a page's commands mean here: this cluster, this namespace, a registry without TLS, packages that were released.
COMMANDS = """
kubectl() { "$CLUSTER" kubectl --namespace "$NAMESPACE" "$@"; }
helm() { "$HELM" "$@" --plain-http --namespace "$NAMESPACE"; }
pip() { "$PIP" --quiet "$@" --no-index --no-deps --find-links "$PACKAGES"; }
"""
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


@pytest.fixture(scope="session")
def published(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    """The last commit, released twice: as the version before this one, and as this one."""
    del kubeconfig  # the registry's address exists with the cluster's network
    need(not CURRENT, "the registry is on the address of the tests' own cluster")
    need_tools("buildah", "mmdebstrap", "curl", "make", "openssl")
    folder = tmp_path_factory.mktemp("published")
    node.images()  # the base
    subprocess.run([node.HERE.parent / "release/arm64-base"], check=True)
    key = folder / "key.pem"
    subprocess.run(
        ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key], check=True
    )
    registry = Registry(folder)
    try:
        found = Published(registry.address, folder)
        for version in (PREVIOUS, __version__):
            found.release(version, key)
        home = Path(node.call("cluster", "home").strip()) / "state/certs.d" / registry.address
        home.mkdir(parents=True)
        # containerd 1.6 reads no file without a table of hosts.
        host = f'[host."http://{registry.address}"]\n  capabilities = ["pull", "resolve"]\n'
        (home / "hosts.toml").write_text(f'server = "http://{registry.address}"\n{host}')
        yield found
    finally:
        registry.close()


@pytest.fixture(params=["helm3", "helm4"])
def stranger(request: pytest.FixtureRequest, kubeconfig: Path, tmp_path: Path) -> Stranger:
    """Each Helm in a home without a file."""
    return Stranger(tmp_path, kubeconfig, request.param)


@pytest.fixture
def install(
    stranger: Stranger, published: Published, kube: Kube, namespace: str, database: Postgres, cleanup: ExitStack
) -> Callable[..., Pod]:
    """The two commands: the Secret, the chart from the registry."""

    def run(version: str, *words: str) -> Pod:
        kube.run(*SECRET, "-n", namespace, f"--from-literal=DATABASE_URL={database.url()}")
        where = f"oci://{published.registry}/{CHART}"
        stranger.helm(
            "install", "orders", where, "--plain-http", "--version", version, "-n", namespace, *STANDALONE, *words
        )
        cleanup.callback(stranger.helm, "uninstall", "orders", "-n", namespace)
        return kube.pod(namespace, "app.kubernetes.io/component=standalone")

    return run


def image_of(pod: Pod) -> str:
    """The image of the pod's exporter."""
    [container] = pod.look()["spec"]["containers"]
    return str(container["image"])


def test_two_commands_lead_to_the_first_answer(install: Callable[..., Pod], published: Published) -> None:
    """The kubelet pulls the image that the chart names, from the registry that the chart came from."""
    pod = install(__version__, "--set", "monitoring.dashboard.enabled=true")

    pod.until_page("/healthz", 200, within=120)
    assert image_of(pod) == f"{published.registry}/db-health-exporter:{__version__}"
    assert 'version="' + __version__ in pod.ask("/metrics").text
    assert (
        published.digests(__version__)["db-health-exporter"] in pod.look()["status"]["containerStatuses"][0]["imageID"]
    )


def publish_application(name: str, folder: Path) -> None:
    """Push the tests' application as an image of its own.

    The kubelet remembers where it has pulled an image from and no longer gives it to pods that name it differently and
    may not pull it: https://kubernetes.io/docs/concepts/containers/images/#ensureimagepullcredentialverification.
    """
    lines = "FROM localhost/dbhealth-application:test\nLABEL org.opencontainers.image.title=orders\n"
    folder.mkdir(exist_ok=True)
    (folder / "Dockerfile").write_text(lines)
    subprocess.run(["buildah", "build", "--quiet", "--tag", "localhost/orders:1.2.3", folder], check=True)
    subprocess.run(
        ["buildah", "push", "--quiet", "--tls-verify=false", "localhost/orders:1.2.3", f"docker://{name}"], check=True
    )


@pytest.fixture
def follow(stranger: Stranger, published: Published, namespace: str, database: Postgres) -> Callable[[str], None]:
    """Run a page's commands in an empty home: only addresses are replaced, and the registry's plain HTTP is allowed."""
    application = f"{published.registry}/orders"
    publish_application(f"{application}:1.2.3", published.folder / "application")
    subprocess.run([sys.executable, "-m", "venv", stranger.home / "venv"], check=True)
    words = {
        "PIP": f"{stranger.home}/venv/bin/pip",
        "HELM": tool(stranger.version, "helm"),
        "CLUSTER": node.HERE / "cluster",
        "CLUSTER_HOME": node.call("cluster", "home").strip(),
        "NAMESPACE": namespace,
        "PACKAGES": published.folder / __version__,
        "DATABASE_URL": database.url(),
    }

    def run(text: str) -> None:
        text = text.replace("ghcr.io/db-health-exporter", published.registry)
        text = text.replace("registry.example/orders", application)
        given = {**stranger.environment, **{name: str(value) for name, value in words.items()}}
        command = ["bash", "-euc", COMMANDS + text]
        done = subprocess.run(command, cwd=stranger.home, env=given, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    return run


@pytest.mark.usefixtures("monitoring")
@pytest.mark.parametrize("stranger", ["helm4"], indirect=True)
def test_two_commands_of_the_page_lead_to_an_answer_and_four_to_all_of_it(
    follow: Callable[[str], None], stranger: Stranger, kube: Kube, namespace: str, cleanup: ExitStack
) -> None:
    """Secret and chart to `/healthz`; reporter and upgrade to pools, alerts and dashboard; no command besides."""
    first, second = (block.text for block in ALL if block.mark == "run from a registry")
    assert [line.split()[:2] for line in (first + second).replace("\\\n", "").splitlines()] == [
        ["kubectl", "create"],
        ["helm", "install"],
        ["pip", "install"],
        ["helm", "upgrade"],
    ]
    selector = "app.kubernetes.io/instance=orders,app.kubernetes.io/component!=check"
    cleanup.callback(stranger.helm, "uninstall", "orders", "-n", namespace, "--ignore-not-found")

    follow(first)
    before = kube.pod(namespace, selector)
    before.until_page("/healthz", 200, within=120)

    follow(second)
    until(before.gone, within=90, what="the pod from before is gone", every=0.3)
    after = kube.pod(namespace, selector)
    after.until_ready(within=120)
    after.until(lambda: after.ask("/orders", port=8000).status == 200, "the application answers")
    after.until(lambda: 'pool="orders"' in after.ask("/metrics").text, "the application's pool is reported")
    kinds = "podmonitors.monitoring.coreos.com,prometheusrules.monitoring.coreos.com,configmaps"
    made = kube.run("get", kinds, "-n", namespace, "-l", "app.kubernetes.io/instance=orders", "-o", "name").stdout
    assert {line.partition("/")[0].partition(".")[0] for line in made.split()} == {
        "podmonitor",
        "prometheusrule",
        "configmap",
    }
    assert list(stranger.home.glob("venv/lib/python*/site-packages/db_health_reporter/__init__.py"))


def test_an_upgrade_from_the_release_before(
    install: Callable[..., Pod], stranger: Stranger, published: Published, kube: Kube, namespace: str
) -> None:
    """By version, with the values of before."""
    before = install(PREVIOUS)
    before.until_ready(within=120)
    where = f"oci://{published.registry}/{CHART}"
    words = ("--plain-http", "--version", __version__, "-n", namespace, "--reuse-values", "--wait", "--timeout", "120s")
    stranger.helm("upgrade", "orders", where, *words)

    until(before.gone, within=60, what="the pod from before is gone", every=0.3)
    after = kube.pod(namespace, "app.kubernetes.io/component=standalone")
    after.until_page("/healthz", 200)
    assert image_of(after) == f"{published.registry}/db-health-exporter:{__version__}"


def test_charts_come_by_version_and_by_digest(stranger: Stranger, published: Published) -> None:
    """And they are the files whose checksums were signed."""
    for name in ("db-health-exporter", "db-health-exporter-lib"):
        where = f"oci://{published.registry}/charts/{name}"
        digest = published.digests(__version__)[f"charts/{name}"]
        said = stranger.helm("pull", where, "--plain-http", "--version", __version__)
        assert digest in said
        package = stranger.home / f"{name}-{__version__}.tgz"
        by_version = package.read_bytes()
        assert by_version == (published.folder / __version__ / package.name).read_bytes()
        package.unlink()
        stranger.helm("pull", f"{where}@{digest}", "--plain-http")
        [by_digest] = stranger.home.glob("*.tgz")
        assert by_digest.read_bytes() == by_version
        by_digest.unlink()
        assert "## " in stranger.helm("show", "readme", where, "--plain-http", "--version", __version__)


def test_what_was_released_is_signed(published: Published, tmp_path: Path) -> None:
    """One signature, over checksums that name every file and, through pushed.txt, every digest in the registry."""
    out = published.folder / __version__
    words: list[str | Path] = [
        "openssl",
        "dgst",
        "-sha256",
        "-verify",
        out / "signer.pub",
        "-signature",
        out / "SHA256SUMS.sig",
    ]
    sums = (out / "SHA256SUMS").read_bytes()

    assert subprocess.run([*words, out / "SHA256SUMS"], capture_output=True, check=False).returncode == 0
    (tmp_path / "SHA256SUMS").write_bytes(sums.replace(sums[:1], b"x", 1))
    assert subprocess.run([*words, tmp_path / "SHA256SUMS"], capture_output=True, check=False).returncode == 1
    named = {name: digest for digest, name in (line.split() for line in sums.decode().splitlines())}
    assert set(named) == {path.name for path in out.iterdir()} - {"SHA256SUMS", "SHA256SUMS.sig", "signer.pub"}
    assert {name: hashlib.sha256((out / name).read_bytes()).hexdigest() for name in named} == named


def test_the_registry_holds_the_signatures_that_cosign_checks(published: Published) -> None:
    """Of the image, and of both charts; another key's are refused. cosign takes six minutes to build: CI has it not."""
    cosign = Path(tool("registry", "registry")).parents[1] / "cosign/cosign"
    if not cosign.exists():
        pytest.skip("needs cosign: tests/release/install-tools --cosign")
    words: list[str | Path] = [
        cosign,
        "verify",
        "--insecure-ignore-tlog=true",
        "--allow-http-registry",
        "--allow-insecure-registry",
    ]
    signer: list[str | Path] = ["--key", published.folder / __version__ / "signer.pub"]
    other = published.folder / "other.pub"
    made = subprocess.run(
        ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        capture_output=True,
        check=True,
    )
    subprocess.run(["openssl", "pkey", "-pubout", "-out", other], input=made.stdout, check=True)
    for name, digest in published.digests(__version__).items():
        reference = f"{published.registry}/{name}@{digest}"
        assert subprocess.run([*words, *signer, reference], capture_output=True, check=False).returncode == 0
        assert subprocess.run([*words, "--key", other, reference], capture_output=True, check=False).returncode != 0


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
