"""The bill of materials of an image, judged by CycloneDX's own schema."""

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
def bill(capsys: pytest.CaptureFixture[str]) -> str:
    """Of this machine, as if it were an image: far more packages and licences than any image of ours has."""
    need(Path("/var/lib/dpkg/status").is_file(), "needs a Debian")
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
    sbom.main("/", sysconfig.get_path("purelib"), "1.2.3", architecture, "0123abc")
    return capsys.readouterr().out


def test_the_bill_of_materials_keeps_to_the_schema(bill: str) -> None:
    """Strictly: no field that the schema does not know, each licence an expression of SPDX's."""
    assert len(json.loads(bill)["components"]) > 100
    assert violations(bill) == []


@pytest.mark.parametrize("wrong", [{"serialNumber": "7"}, {"colour": "red"}, {"components": [{"name": "libc6"}]}])
def test_the_schema_refuses_what_it_does_not_know(bill: str, wrong: dict[str, object]) -> None:
    """Or the test before would prove nothing."""
    short = json.loads(bill)
    short["components"] = short["components"][:3]
    assert len(violations(json.dumps(short | wrong))) == 1
