"""The chart installs from a ZIP file, from a package, and as a dependency of another chart."""

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter import __version__
from tests.chart.tools import CHART, CONSUMER, LIBRARY, Helm, of_kind, pod_spec, variables

APP = {"app": {"image": {"repository": "orders"}}, "database": {"existingSecret": {"name": "orders-database"}}}


def test_the_tree_has_no_symbolic_links() -> None:
    """A ZIP file and a checkout on Windows would lose them."""
    assert [path for path in CHART.parent.rglob("*") if path.is_symlink()] == []


def test_a_zip_of_the_tree_installs(helm: Helm, tmp_path: Path) -> None:
    """The ZIP file has GitHub's form."""
    with zipfile.ZipFile(tmp_path / "tree.zip", "w") as archive:
        for path in sorted(CHART.parent.rglob("*")):
            archive.write(path, path.relative_to(CHART.parents[1]))
    with zipfile.ZipFile(tmp_path / "tree.zip") as archive:
        archive.extractall(tmp_path)

    assert helm.template(tmp_path / "helm" / CHART.name, values=APP) == helm.template(values=APP)


def test_a_package_is_whole_and_quiet(helm: Helm, tmp_path: Path) -> None:
    """Helm prints no warning about links."""
    done = helm.attempt("package", CHART, "--destination", tmp_path)
    [package] = tmp_path.glob("*.tgz")

    assert "link" not in done.stdout + done.stderr
    assert helm.template(package, values=APP) == helm.template(values=APP)


def test_dependencies_can_be_built(helm: Helm, tmp_path: Path) -> None:
    """`helm dependency build` gives the same result."""
    helm_folder = shutil.copytree(CHART.parent, tmp_path / "helm")
    done = helm.attempt("dependency", "build", helm_folder / CHART.name)

    assert done.returncode == 0, done.stderr
    assert helm.template(helm_folder / CHART.name, values=APP) == helm.template(values=APP)


@pytest.mark.parametrize("chart", [CHART, LIBRARY], ids=["chart", "library"])
def test_the_charts_pass_chart_testings_lint(helm: Helm, chart: Path) -> None:
    """It wants maintainers; Helm's own lint recommends an icon."""
    about = yaml.safe_load((chart / "Chart.yaml").read_text())

    assert about["home"].startswith("https://")
    assert [set(maintainer) for maintainer in about["maintainers"]] == [{"name", "url"}]
    assert "icon is recommended" not in helm.run("lint", chart)


@pytest.fixture
def umbrella(tmp_path: Path) -> Path:
    """A chart that depends on this one twice, under aliases as people write them."""
    chart = tmp_path / "shop"
    (chart / "charts").mkdir(parents=True)
    shutil.copytree(CHART, chart / "charts" / CHART.name)
    one = {"name": CHART.name, "version": __version__, "alias": "ordersHealth", "condition": "ordersHealth.enabled"}
    other = {"name": CHART.name, "version": __version__, "alias": "reports_health"}
    about = {"apiVersion": "v2", "name": "shop", "version": __version__, "dependencies": [one, other]}
    (chart / "Chart.yaml").write_text(json.dumps(about))
    app = {**APP, "app": {"image": {"repository": "orders"}, "replicas": 3, "port": 80, "service": {"enabled": True}}}
    (chart / "values.yaml").write_text(json.dumps({"ordersHealth": app, "reports_health": APP}))
    return chart


def deployments(objects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The specifications of all Deployments by name."""
    return {item["metadata"]["name"]: item["spec"] for item in objects if item["kind"] == "Deployment"}


def test_an_alias_in_camel_case_makes_valid_names(helm: Helm, umbrella: Path) -> None:
    """The alias is the chart's name there, and no object may have capitals in its own."""
    objects = helm.template(umbrella, release="shop")

    assert set(deployments(objects)) == {"shop-orders-health", "shop-reports-health"}
    for item in objects:
        assert item["metadata"]["name"] == item["metadata"]["name"].lower()


def test_an_umbrella_switches_the_chart_off(helm: Helm, umbrella: Path) -> None:
    """By the condition, and by the same value where there is none."""
    off = {"enabled": False}

    assert set(deployments(helm.template(umbrella, release="shop", values={"ordersHealth": off}))) == {
        "shop-reports-health"
    }
    assert set(deployments(helm.template(umbrella, release="shop", values={"reports_health": off}))) == {
        "shop-orders-health"
    }


def test_an_umbrellas_null_leaves_the_replicas_to_an_autoscaler(helm: Helm, umbrella: Path) -> None:
    """Helm 4 keeps a subchart's default where the umbrella says null: the chart has none."""
    given = deployments(helm.template(umbrella, release="shop"))
    cleared = deployments(helm.template(umbrella, release="shop", values={"ordersHealth": {"app": {"replicas": None}}}))

    assert given["shop-orders-health"]["replicas"] == 3
    assert "replicas" not in given["shop-reports-health"]
    assert "replicas" not in cleared["shop-orders-health"]


def test_an_umbrellas_null_clears_a_part(helm: Helm, umbrella: Path) -> None:
    """What another values file has switched on is off again; Helm 4 keeps what is a default."""
    on = {"ordersHealth": {"monitoring": {"rules": {"enabled": True}}, "serviceAccount": {"create": True}}}
    clear: dict[str, Any] = {"ordersHealth": {"monitoring": {"rules": None}, "serviceAccount": None}}
    files = [umbrella / "on.json", umbrella / "clear.json"]
    for file, values in zip(files, (on, clear), strict=True):
        file.write_text(json.dumps(values))
    arguments = [word for file in files for word in ("--values", str(file))]

    kinds = {item["kind"] for item in helm.template(umbrella, *arguments, release="shop")}
    assert not kinds & {"PrometheusRule", "ServiceAccount"}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The consumer of the library, whose dependency has no alias and whose values hold nothing of it."""
    chart = shutil.copytree(CONSUMER, tmp_path / "shop")
    about = chart / "Chart.yaml"
    about.write_text(about.read_text().replace("    alias: dbHealth\n", ""))
    (chart / "values.yaml").write_text("image: shop:1\npullPolicy: Never\n")
    return chart


def replace(chart: Path, values: str) -> None:
    """Let the templates pass other values to the library."""
    for template in (chart / "templates").iterdir():
        template.write_text(template.read_text().replace(".Values.dbHealth", values))


def test_the_library_works_without_an_alias(helm: Helm, shop: Path) -> None:
    """Its values then stand under its name."""
    replace(shop, '(index .Values "db-health-exporter-lib")')
    values = {"db-health-exporter-lib": {"database": {"existingSecret": {"name": "shop-database"}}}}
    spec = pod_spec(helm.template(shop, values=values))

    assert [container["name"] for container in spec["initContainers"]] == ["db-health-exporter"]


def test_the_library_works_with_partial_values(helm: Helm, shop: Path) -> None:
    """A key of one's own chart, or a dict in the template: what is missing has the library's defaults."""
    partial = {
        "database": {"existingSecret": {"name": "shop-database"}},
        "exporter": {"settings": {"READINESS": "gate", "LOG_LEVEL": None}, "resources": {"limits": {"cpu": None}}},
    }
    spec = pod_spec(helm.template(shop, values={"dbHealth": partial}))
    [container] = spec["initContainers"]

    assert container["image"] == f"ghcr.io/db-health-exporter/db-health-exporter:{__version__}"
    assert container["resources"]["limits"] == {"memory": "128Mi"}
    assert variables(container)["READINESS"] == "gate"
    assert "LOG_LEVEL" not in variables(container)
    assert spec["volumes"][0]["name"] == "db-health-database"


def test_a_false_among_partial_values_counts(helm: Helm, shop: Path) -> None:
    """A merge that treats false as missing would restore the default."""
    partial = {"database": {"existingSecret": {"name": "shop-database"}}, "exporter": {"native": False}}
    spec = pod_spec(helm.template(shop, values={"dbHealth": partial}))

    assert [container["name"] for container in spec["containers"]] == ["shop", "db-health-exporter"]


def test_a_podmonitor_without_labels_of_pods_is_refused(helm: Helm, shop: Path) -> None:
    """An empty selector selects every pod of the namespace."""
    more = shop / "templates/more.yaml"
    more.write_text(more.read_text().replace('"podLabels" (dict "app" .Release.Name)', '"podLabels" dict'))
    partial = {"database": {"existingSecret": {"name": "shop-database"}}}
    said = helm.refusal({"dbHealth": partial, "monitor": {"interval": "5s"}}, shop)

    assert "db-health-exporter.podMonitor: podLabels is missing" in said


def test_a_packaged_umbrella_installs(helm: Helm, umbrella: Path, tmp_path: Path) -> None:
    """The umbrella is packed by `helm package`."""
    helm.run("package", umbrella, "--destination", tmp_path)
    [package] = tmp_path.glob("*.tgz")

    assert of_kind(helm.template(package, release="shop", values={"reports_health": {"enabled": False}}), "Service")
