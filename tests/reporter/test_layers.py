"""The reporter's imports point down, and it imports nothing of the exporter."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "reporter/db_health_reporter"


@pytest.mark.extended
def test_imports_point_down() -> None:
    """The contract in reporter/pyproject.toml holds."""
    program = Path(sys.executable).with_name("lint-imports")
    command = [str(program), "--no-cache", "--config", "reporter/pyproject.toml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 0, done.stdout


def test_needs_sqlalchemy_alone() -> None:
    """Beside the standard library every module imports SQLAlchemy and its own package only."""
    imported = {
        name.split(".")[0]
        for path in PACKAGE.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in _names(node)
    }

    assert imported - set(sys.stdlib_module_names) == {"sqlalchemy", "db_health_reporter"}


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []
