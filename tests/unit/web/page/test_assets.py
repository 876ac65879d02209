"""The page's files are part of the installed package."""

import tomllib
from pathlib import Path

import exporter
from exporter.web.page.assets import load_assets

PACKAGE = Path(exporter.__file__).parent


def test_files_are_read_once() -> None:
    assert load_assets() is load_assets()


def test_the_wheel_has_every_file_of_the_package() -> None:
    setuptools = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["tool"]["setuptools"]
    packaged = {file for pattern in setuptools["package-data"]["exporter"] for file in PACKAGE.glob(pattern)}
    files = {file for file in PACKAGE.rglob("*") if file.is_file() and "__pycache__" not in file.parts}

    assert {file.name for file in packaged} >= {"page.css", "page.js", "page.html"}
    assert {file for file in files if file.suffix != ".py"} == packaged
