"""A release in a registry, and those who have nothing but its address: charts, pods, pages, signatures."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from exporter import __version__
from tests.chart.tools import tool
from tests.cluster import node
from tests.cluster.kube import Kube, Pod
from tests.cluster.registry import PREVIOUS, Published, Stranger
from tests.docs.blocks import ALL
from tests.release.keys import P_256, generate
from tests.support.postgres import Postgres
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(1500)  # the first test waits for both releases
CHART = "charts/db-health-exporter"
SECRET = ("create", "secret", "generic", "orders-database")
STANDALONE = ("--set", "mode=standalone", "--set", "database.existingSecret.name=orders-database")
# What a page's commands mean here: this cluster, this namespace, a registry without TLS, packages that were released.
COMMANDS = """
kubectl() { "$CLUSTER" kubectl --namespace "$NAMESPACE" "$@"; }
helm() { "$HELM" "$@" --plain-http --namespace "$NAMESPACE"; }
pip() { "$PIP" --quiet "$@" --no-index --no-deps --find-links "$PACKAGES"; }
"""


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
    key = generate(published.folder / "other.pem", *P_256)
    subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", other], check=True)
    for name, digest in published.digests(__version__).items():
        reference = f"{published.registry}/{name}@{digest}"
        assert subprocess.run([*words, *signer, reference], capture_output=True, check=False).returncode == 0
        assert subprocess.run([*words, "--key", other, reference], capture_output=True, check=False).returncode != 0
