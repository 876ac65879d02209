"""The SBOM of an image, judged by CycloneDX's own schema."""

import json
import platform
import sysconfig
from pathlib import Path

import pytest

from tests.release.schema import violations
from tests.support.needs import need
from tools.image import sbom

pytestmark = pytest.mark.extended


@pytest.fixture
def machine_sbom(capsys: pytest.CaptureFixture[str]) -> str:
    """Of this machine, as if it were an image: far more packages and licences than any image of ours has."""
    need(Path("/var/lib/dpkg/status").is_file(), "needs a Debian")
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
    sbom.main("/", sysconfig.get_path("purelib"), "1.2.3", architecture, "0123abc")
    return capsys.readouterr().out


def test_the_sbom_keeps_to_the_schema(machine_sbom: str) -> None:
    """Strictly: no field that the schema does not know, each licence an expression of SPDX's."""
    assert len(json.loads(machine_sbom)["components"]) > 100
    assert violations(machine_sbom) == []


@pytest.mark.parametrize("wrong", [{"serialNumber": "7"}, {"colour": "red"}, {"components": [{"name": "libc6"}]}])
def test_the_schema_refuses_what_it_does_not_know(machine_sbom: str, wrong: dict[str, object]) -> None:
    """Or the test before would prove nothing."""
    short = json.loads(machine_sbom)
    short["components"] = short["components"][:3]
    assert len(violations(json.dumps(short | wrong))) == 1
