"""The life of a release: installed, tested, upgraded, rolled back, uninstalled."""

import subprocess
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from tests.chart.tools import CHART, ROOT, Helm
from tests.cluster.kube import Kube
from tests.cluster.release import APPLICATION, DATABASE, Release, app, exporter
from tests.support.needs import need
from tests.support.postgres import Postgres
from tests.support.waiting import until

Install = Callable[..., Release]
BOTH = pytest.mark.parametrize("helm", ["helm3", "helm4"], indirect=True)
KINDS = ("deployments.apps", "pods", "services", "secrets", "configmaps", "serviceaccounts", "replicasets.apps")


@pytest.fixture
def previous(tmp_path: Path) -> Path:
    """The chart as it was before its last change."""

    def git(*words: str) -> bytes:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=True).stdout

    commits = git("log", "--format=%H", "--", "helm").decode().split()
    changed = bool(git("status", "--porcelain", "--", "helm"))
    need(len(commits) > (not changed), "needs the history of helm/")
    archive = git("archive", commits[0 if changed else 1], "helm")
    with tarfile.open(fileobj=BytesIO(archive)) as files:
        files.extractall(tmp_path, filter="data")
    return tmp_path / "helm/db-health-exporter"


@BOTH
def test_an_upgrade_from_the_previous_chart_keeps_the_application_ready(
    previous: Path,
    release: Install,
    secret: Callable[..., None],
    helm: Helm,
) -> None:
    """A failed upgrade is rolled back, a good one is deployed."""
    del secret
    values = {"app": app(), "database": DATABASE, "exporter": exporter()}
    made = release(chart=previous, words=("--wait", "--timeout", "90s"), **values)
    before = made.pod()
    back = "--rollback-on-failure" if helm.version == "helm4" else "--atomic"

    broken = {**values, "app": app(image={**APPLICATION, "tag": "missing"})}
    with pytest.raises(RuntimeError, match="ended with 1"):
        made.upgrade(back, "--timeout", "10s", values=broken)
    until(lambda: made.pod().name == before.name, within=30, what="only the pod from before", every=0.3)

    made.upgrade(back, "--timeout", "90s", values={**values, "podLabels": {"upgraded": "true"}})
    until(
        lambda: made.pod().look()["metadata"]["labels"].get("upgraded") == "true",
        within=60,
        what="the new pod alone",
    )
    made.pod().until_ready()


@BOTH
def test_a_test_says_whether_the_database_answers_and_leaves_nothing(
    release: Install,
    secret: Callable[..., None],
    database: Postgres,
    kube: Kube,
    namespace: str,
) -> None:
    """`helm test` passes, fails when the database is down, and uninstalling leaves the namespace as it was."""
    del secret
    at_first = _objects(kube, namespace)
    made = release(
        "orders",
        mode="standalone",
        database={"url": database.url()},
        exporter=exporter(),
        serviceAccount={"create": True},
        monitoring={"dashboard": {"enabled": True}},
    )
    made.pod().until_ready()
    passed, said = made.test()
    assert passed, said
    database.stop()
    failed, _ = made.test()
    assert not failed
    checks = [pod for pod in kube.pods(namespace) if pod["metadata"]["name"].endswith("-check")]
    assert checks == []

    made.uninstall()
    until(lambda: _objects(kube, namespace) == at_first, within=60, what="nothing left", every=0.5)


def _objects(kube: Kube, namespace: str) -> set[str]:
    """The names of all objects in a namespace that a release may make."""
    words = ("get", ",".join(KINDS), "-n", namespace, "-o", "name")
    return set(kube.run(*words).stdout.split()) - {"configmap/kube-root-ca.crt", "serviceaccount/default"}


def test_a_fresh_clone_installs_without_building_dependencies(release: Install, secret: Callable[..., None]) -> None:
    """A clone needs nothing but `helm install ./helm/db-health-exporter`."""
    del secret
    assert not list((CHART / "charts").glob("*.tgz"))

    release("clone", mode="standalone", database=DATABASE, exporter=exporter()).pod().until_ready()
