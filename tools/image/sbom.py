"""What an image holds, as CycloneDX: Debian's packages below a root and Python's distributions in a folder.

`python3 sbom.py ROOT SITE_PACKAGES VERSION ARCHITECTURE REVISION` prints it.
The same content makes the same bytes: no clock, no random number.
"""

import json
import re
import sys
import uuid
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any
from urllib.parse import quote

Component = dict[str, Any]
NAME = "db-health-exporter"
SOURCE = f"https://github.com/{NAME}/{NAME}"


def debian_packages(root: Path) -> Iterator[Component]:
    """The packages that dpkg knows below a root."""
    text = (root / "etc/os-release").read_text(encoding="utf-8")
    release = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', text, re.MULTILINE))
    status = (root / "var/lib/dpkg/status").read_text(encoding="utf-8")
    for stanza in status.strip().split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z-]+): (.*)$", stanza, re.MULTILINE))
        name, version = fields["Package"], fields["Version"]
        qualifiers = f"arch={fields['Architecture']}&distro={release['ID']}-{release.get('VERSION_ID', 'unknown')}"
        purl = f"pkg:deb/{release['ID']}/{quote(name)}@{quote(version)}?{qualifiers}"
        yield _component(name, version, purl)


def python_distributions(site_packages: Path) -> Iterator[Component]:
    """What pip installed into a folder."""
    for found in distributions(path=[str(site_packages)]):
        name = re.sub(r"[-_.]+", "-", found.name).lower()
        yield _component(name, found.version, f"pkg:pypi/{name}@{quote(found.version)}") | _licence(found)


def interpreter(version: str) -> Component:
    """Python itself."""
    return _component("python", version, f"pkg:generic/python@{version}")


def _component(name: str, version: str, purl: str) -> Component:
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def _licence(found: Distribution) -> Component:
    """The licence in SPDX's words, where the distribution gives it so."""
    expressions = found.metadata.get_all("License-Expression") or []
    return {"licenses": [{"expression": expressions[0]}]} if expressions else {}


def document(version: str, architecture: str, revision: str, components: list[Component]) -> Component:
    """The SBOM; its serial number is made of its content."""
    purl = f"pkg:oci/{NAME}?arch={architecture}&tag={version}"
    parts = sorted(components, key=lambda part: part["purl"])
    content = json.dumps(parts, sort_keys=True) + purl + revision
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, content)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "container",
                "bom-ref": purl,
                "name": NAME,
                "version": version,
                "purl": purl,
                "licenses": [{"expression": "Apache-2.0"}],
                "externalReferences": [{"type": "vcs", "url": SOURCE, "comment": f"commit {revision}"}],
            },
        },
        "components": parts,
        "dependencies": [{"ref": purl, "dependsOn": [part["bom-ref"] for part in parts]}],
    }


def main(root: str, site_packages: str, version: str, architecture: str, revision: str) -> None:
    """Print the SBOM of an image."""
    python = ".".join(map(str, sys.version_info[:3]))
    parts = [interpreter(python), *debian_packages(Path(root)), *python_distributions(Path(site_packages))]
    print(json.dumps(document(version, architecture, revision, parts), indent=1))  # noqa: T201 - a command's answer


if __name__ == "__main__":
    main(*sys.argv[1:])
