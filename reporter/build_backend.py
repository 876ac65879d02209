"""setuptools, which puts no file beside a package: this adds db_health_reporter.pth to the wheels that it makes."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403 - every hook that is not replaced below

PTH = "db_health_reporter.pth"


def build_wheel(wheel_directory: str, *arguments: Any, **named: Any) -> str:
    """Build a wheel whose site-packages get the file."""
    return _with_pth(wheel_directory, build_meta.build_wheel(wheel_directory, *arguments, **named))


def build_editable(wheel_directory: str, *arguments: Any, **named: Any) -> str:
    """Build the wheel of a checkout, which works the same."""
    return _with_pth(wheel_directory, build_meta.build_editable(wheel_directory, *arguments, **named))


def _with_pth(folder: str, name: str) -> str:
    wheel, content = Path(folder, name), Path(PTH).read_bytes()
    with zipfile.ZipFile(wheel) as old:
        members = [(entry, old.read(entry)) for entry in old.infolist()]
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    line = f"{PTH},sha256={digest},{len(content)}\n".encode()
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as new:
        new.writestr(zipfile.ZipInfo(PTH, date_time=(1980, 1, 1, 0, 0, 0)), content)
        for entry, data in members:
            new.writestr(entry, line + data if entry.filename.endswith(".dist-info/RECORD") else data)
    return name
