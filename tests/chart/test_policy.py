"""The admission policy by Kubernetes' own code, without a cluster: the cases of tests/cluster/test_injected_pods.py."""

import json
import os
import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.dsn.split import SCHEMES
from tests.chart.tools import CHART, Helm
from tests.cluster.generated_pods import generated, labelled
from tests.cluster.pods import INJECT, URL, container, injected, pod
from tests.cluster.test_injected_pods import (  # noqa: F401  collected here, with this module's fixtures
    EVERYTHING,
    PODS,
    STATUS,
    many,
    test_500_variables_stay_within_the_policys_cost,
    test_a_mount_by_variables_brings_these_variables,
    test_a_pod_that_runs_as_root_gets_an_exporter_with_its_own_user,
    test_a_pod_that_uses_the_exporters_port_is_left_alone,
    test_a_volume_is_shared_where_a_file_in_it_is_named,
    test_an_address_of_parts_is_copied_whole,
    test_foreign_databases_are_left_alone,
    test_limits_that_all_containers_have_are_the_exporters_too,
    test_maps_of_texts_arrive_as_they_are,
    test_names_of_volumes_never_clash,
    test_pods_where_it_could_not_run_are_left_alone,
    test_references_are_followed_to_their_ends,
    test_settings_in_an_applications_secret_do_not_reach_the_exporter,
    test_too_many_variables_are_named_as_the_reason,
    test_whatever_may_be_postgresql_is_injected,
)
from tests.support.needs import need

CLUSTER = Path(os.environ.get("CLUSTER_HOME", Path.home() / ".cache/dbhealth-cluster"))
Object = dict[str, Any]
LIMIT = 1_000_000  # Kubernetes' limit for the cost of one expression


class Policy:
    """The policy of one set of values."""

    def __init__(self, program: Path, file: Path) -> None:
        """Take the evaluator and a place for the policy."""
        self._program, self._file = program, file

    def install(self, **values: Any) -> None:
        """Render it."""
        objects = Helm("helm4").template(CHART, "--kube-version", "1.36.0", values={"mode": "injection", **values})
        [policy] = [item for item in objects if item["kind"] == "MutatingAdmissionPolicy"]
        self._file.write_text(yaml.safe_dump(policy))

    def apply(self, *pods: Object) -> list[Object]:
        """The pods as the policy changes them, with its cost."""
        lines = "".join(json.dumps(item) + "\n" for item in pods)
        done = subprocess.run([self._program, self._file], input=lines, capture_output=True, text=True, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def admit(self, made: Object, *, namespace: str = "") -> Object:
        """One pod, as a cluster's client would have it admitted."""
        del namespace
        [answer] = self.apply(made)
        assert "error" not in answer, answer["error"]
        found: Object = answer["pod"]
        return found


@pytest.fixture
def kube(tmp_path: Path) -> Policy:
    """The evaluator, in place of a cluster."""
    [*programs] = CLUSTER.glob("bin-*/policy")
    need(bool(programs), "needs the policy's evaluator: tests/cluster/cluster build")
    return Policy(programs[-1], tmp_path / "policy.yaml")


@pytest.fixture
def policy(kube: Policy) -> Callable[..., None]:
    """Install the policy with some values."""
    return kube.install


@pytest.fixture
def loose() -> str:
    """No namespace, since none refuses a pod here."""
    return ""


@pytest.fixture
def admit(kube: Policy) -> Callable[..., Object]:
    """A labelled pod as the policy leaves it."""

    def ask(*containers: Object, labels: dict[str, str] | None = None, **more: Any) -> Object:
        return kube.admit(pod(*containers, labels=INJECT if labels is None else labels, **more))

    return ask


@pytest.mark.parametrize("values", [{}, EVERYTHING, {"exporter": {"native": False}}], ids=["", "everything", "plain"])
def test_every_generated_pod_gets_the_exporter_or_a_reason(kube: Policy, values: dict[str, Any]) -> None:
    """No expression ever fails, whatever a pod holds or lacks."""
    kube.install(**values)
    chance = random.Random(20)
    answers = kube.apply(*(labelled(generated(chance, number)) for number in range(PODS)))

    assert [answer["error"] for answer in answers if "error" in answer] == []
    for made in (answer["pod"] for answer in answers):
        assert (injected(made) is not None) == (made["metadata"]["annotations"][STATUS] == "injected")
    assert len(answers) == PODS


def test_the_policy_costs_a_fraction_of_its_limit(kube: Policy) -> None:
    """An ordinary pod a thousandth; 500 variables of the most expensive kind less than half."""
    kube.install()
    kinds = ("plain", "database", "referred to", "a chain")
    ordinary, *others = kube.apply(
        pod(container(env=[URL]), labels=INJECT),
        *(pod(container(env=many(kind)), labels=INJECT) for kind in kinds),
    )

    assert ordinary["cost"] < LIMIT / 1000
    assert max(answer["cost"] for answer in others) < LIMIT / 2


def test_the_policy_knows_the_exporters_schemes() -> None:
    """A pod whose URL the exporter understands is not taken for one of another database."""
    template = (CHART / "charts/db-health-exporter-lib/templates/_generated.tpl").read_text()

    assert f'"db-health-exporter.schemes" -}}}}{"|".join(SCHEMES.split())}{{{{-' in template
