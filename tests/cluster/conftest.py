"""Fixtures for a real Kubernetes: the cluster, the images, a namespace and a database for each test."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.tools import CHART, Helm
from tests.cluster import node
from tests.cluster.kube import Kube, Object
from tests.cluster.pods import INJECT, URL, container, injected, pod
from tests.cluster.registry import Published, releases
from tests.cluster.release import Release, exporter
from tests.support.needs import need, need_tools
from tests.support.postgres import Postgres
from tests.support.template import Template
from tests.support.waiting import until

IMAGES = ("localhost/db-health-exporter:test", "localhost/dbhealth-application:test")
WHERE = os.environ.get("E2E_CLUSTER", "")
CURRENT = WHERE == "current"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Allow more time: a kubelet is slow, and the first test also waits for the cluster and its images."""
    for item in items:
        if item.path.parent == Path(__file__).parent and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(autouse=True)
def _wanted() -> None:
    """Skip unless a cluster was asked for."""
    need(bool(WHERE), "runs a Kubernetes: `make e2e` says where")


@pytest.fixture(scope="session")
def kubeconfig() -> Iterator[Path]:
    """A cluster of our own, or the current one where `E2E_CLUSTER=current` says so."""
    if CURRENT:
        yield Path(os.environ.get("KUBECONFIG", Path.home() / ".kube/config"))
        return
    node.check_machine()
    before = node.leftovers()
    yield node.up()
    node.down()
    assert [item for item in node.leftovers() if item not in before] == [], "the cluster left something behind"


@pytest.fixture(scope="session")
def kube(kubeconfig: Path) -> Iterator[Kube]:
    """The cluster's API."""
    del kubeconfig
    need(not CURRENT or shutil.which("kubectl") is not None, "needs kubectl")
    client = Kube("kubectl") if CURRENT else Kube(str(node.HERE / "cluster"), "kubectl")
    yield client
    client.close()


@pytest.fixture(scope="session")
def monitoring(kube: Kube) -> Iterator[None]:
    """Create the monitoring kinds, where the cluster lacks them."""
    kinds = Path(__file__).parents[1] / "chart/crds.yaml"
    present = kube.run("get", "crd", "-o", "name").stdout
    missing = [item for item in yaml.safe_load_all(kinds.read_text()) if item["metadata"]["name"] not in present]
    names = [item["metadata"]["name"] for item in missing]
    if missing:
        kube.apply(*missing, namespace="default")
        kube.run("wait", "--for=condition=Established", "crd", *names, "--timeout=30s")
    yield
    if missing:
        kube.run("delete", "crd", *names)


@pytest.fixture(scope="session")
def images(kubeconfig: Path) -> None:
    """The exporter's and the test application's image on the node; `E2E_LOAD ARCHIVE` loads them elsewhere."""
    del kubeconfig
    archives = node.images()
    if not CURRENT:
        node.load(*archives)
        return
    command = os.environ.get("E2E_LOAD")
    need(command is not None, "needs E2E_LOAD, a command that gives the cluster an image archive")
    for archive in archives:
        subprocess.run([*shlex.split(command or ""), archive], check=True)


@pytest.fixture(scope="session")
def published(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    """What the last commit would release, in a registry that the cluster pulls from."""
    del kubeconfig  # the registry's address exists with the cluster's network
    need(not CURRENT, "the registry is on the address of the tests' own cluster")
    need_tools("buildah", "mmdebstrap", "curl", "make", "openssl")
    node.images()  # the base
    with releases(tmp_path_factory.mktemp("published")) as found:
        yield found


@pytest.fixture(params=["helm4"])
def helm(request: pytest.FixtureRequest, kubeconfig: Path) -> Helm:
    """Helm on the cluster; a test may ask for each version."""
    return Helm(request.param, kubeconfig)


@pytest.fixture
def namespace(kube: Kube, request: pytest.FixtureRequest, cleanup: ExitStack) -> str:
    """A namespace of the test's own that enforces the restricted Pod Security Standard."""
    name = f"e2e-{abs(hash(request.node.nodeid)) % 10**8:08d}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted", "dbhealth": "e2e"}
    kube.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}},
        namespace="default",
    )
    cleanup.callback(kube.run, "delete", "namespace", name, "--wait=false")
    return name


@pytest.fixture
def database(template: Template, kubeconfig: Path, cleanup: ExitStack) -> Postgres:
    """A PostgreSQL on this machine that pods reach; its password has every character that needs quoting."""
    del kubeconfig  # its address exists with the cluster's network
    made = template.copy(host=os.environ.get("E2E_HOST", node.HOST))
    cleanup.callback(made.close)
    made.start()
    return made


@pytest.fixture
def secret(kube: Kube, namespace: str, database: Postgres) -> Callable[..., None]:
    """Write the database's Secret, or change it."""

    def write(*, url: str | None = None, password: str = "", name: str = "orders-database") -> None:
        data = {"DATABASE_URL": url or database.url(), "password": password}
        kube.apply(
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data},
            namespace=namespace,
        )

    write()
    return write


@pytest.fixture
def release(kube: Kube, helm: Helm, namespace: str, images: None, cleanup: ExitStack) -> Callable[..., Release]:
    """Install the chart with the test's images; keywords are values."""
    del images

    def install(name: str = "orders", *, chart: Path = CHART, words: tuple[str, ...] = (), **values: Any) -> Release:
        made = Release(kube, helm, namespace, name)
        cleanup.callback(made.uninstall)
        made.install(chart, *words, values=values)
        return made

    return install


@pytest.fixture
def policy(release: Callable[..., Release], kube: Kube, namespace: str) -> Callable[..., Release]:
    """Install the policy and wait until the API server applies it."""

    def install(**values: Any) -> Release:
        made = release(
            "inject",
            mode="injection",
            exporter=exporter(**values.pop("exporter", {})),
            injection={"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}},
            **values,
        )
        sample = pod(container(env=[URL]), labels=INJECT)
        until(lambda: injected(kube.admit(sample, namespace=namespace)), within=30, what="the policy works", every=0.3)
        return made

    return install


@pytest.fixture
def admit(kube: Kube, namespace: str) -> Callable[..., Object]:
    """A labelled pod as the API server would store it."""

    def ask(*containers: Object, labels: dict[str, str] | None = None, **more: Any) -> Object:
        return kube.admit(pod(*containers, labels=INJECT if labels is None else labels, **more), namespace=namespace)

    return ask
