"""The one-node Kubernetes itself."""

from pathlib import Path

import pytest

from tests.cluster import node
from tests.cluster.conftest import CURRENT


@pytest.fixture
def ours(kubeconfig: Path) -> Path:
    """A cluster of our own."""
    if CURRENT:
        pytest.skip("not our cluster")
    return kubeconfig


def test_the_search_for_leftovers_finds_a_running_cluster(ours: Path) -> None:
    """The search that ends every run knows the cluster's processes, link, routes and files."""
    del ours
    kinds = {item.split()[0] for item in node.leftovers()}

    assert kinds >= {"file", "link", "route", "process", "cgroup"}


def test_starting_twice_is_starting_once(ours: Path) -> None:
    """`up` on a running cluster only prints the path of its kubeconfig."""
    assert node.up() == ours
