"""Every block of code on a page is of its language, and every command that can run is run by some test."""

import ast
import json
import re
import subprocess
import tomllib
from collections.abc import Callable

import pytest
import yaml

from tests.docs.blocks import ALL, PAGES, Block

# Where a block that is not marked is run, or why it cannot be. The first pattern that is found counts.
ELSEWHERE = {
    r"^helm install": "tests/chart/test_docs.py renders it",
    r"^helm dependency build": "tests/chart/test_packages.py does so",
    r"^(kubectl|pg_isready|\s*-).*\b[A-Z]{3,}\b": "names of an incident stand in capitals",
    r"^kubectl -n shop": "tests/cluster/test_injection.py and tests/chart/test_patch.py patch and look so",
    r"^pip install|^python3 -m venv": "asks a package index",
    r"^docker compose": "tests/examples/test_compose.py validates the file",
    r"^kubectl exec deployment/orders": "tests/observability/test_explain.py runs the same without a pod",
    r"^kubectl port-forward": "tests/cluster asks the same port by the API server's proxy",
}
MARKS = {"", "run", "run in the background", "run from a registry", "prints"}
SHELL = [block for block in ALL if block.language == "sh"]


def python(text: str) -> None:
    """Parse, also a fragment that awaits."""
    compile(text, "example", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST)


def shell(text: str) -> None:
    """Have bash parse it."""
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def yaml_or_template(text: str) -> None:
    """Parse; what holds a Helm template is rendered elsewhere."""
    if "{{" not in text:
        list(yaml.safe_load_all(text))


PARSERS: dict[str, Callable[[str], object]] = {
    "json": json.loads,
    "python": python,
    "sh": shell,
    "toml": tomllib.loads,
    "yaml": yaml_or_template,
}
PARSED = [block for block in ALL if block.language in PARSERS]


@pytest.mark.parametrize("block", PARSED, ids=str)
def test_a_block_is_of_its_language(block: Block) -> None:
    """A slip would be copied by every reader."""
    PARSERS[block.language](block.text)


@pytest.mark.parametrize("block", SHELL, ids=str)
def test_a_command_is_run_or_it_is_said_why_not(block: Block) -> None:
    """A new command needs a mark, or a place where it is run."""
    assert block.mark in MARKS
    if block.mark:
        return
    first = next(line for line in block.text.splitlines() if line and not line.startswith("#"))
    assert any(re.search(pattern, block.text, re.MULTILINE) for pattern in ELSEWHERE), first


def test_every_reason_is_needed() -> None:
    """One that no block needs any more would hide the next mistake."""
    unmarked = [block.text for block in SHELL if not block.mark]
    unused = [pattern for pattern in ELSEWHERE if not any(re.search(pattern, text, re.MULTILINE) for text in unmarked)]

    assert unused == []


def test_no_page_has_a_block_that_is_not_seen() -> None:
    """Each fence opens or closes one that was found."""
    fences = sum(len(re.findall(r"(?m)^ *```", page.read_text())) for page in PAGES)

    assert fences == 2 * len(ALL)
