"""The child process that reads the settings, as its caller sees it."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from exporter.settings import loader
from exporter.settings.flags import flag
from exporter.settings.model import Settings
from tests.unit.settings.test_settings import URL, WRONG, everything_else

ROOT = Path(__file__).parents[3]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The real command."""
    return subprocess.run(
        [sys.executable, "-m", "exporter.settings.model", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.extended
def test_the_real_command_refuses_a_wrong_value_of_every_setting() -> None:
    """Exit status 2, one line on stderr, no traceback."""
    cases = [(name, wrong[0]) for name, wrong in WRONG.items() if wrong]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda case: run(**everything_else(case[0]), **{case[0]: case[1]}), cases))

    for (name, _), result in zip(cases, results, strict=True):
        assert (result.returncode, result.stdout) == (2, "")
        assert len(result.stderr.splitlines()) == 1
        assert name in result.stderr


def test_help_lists_every_setting_also_without_docstrings() -> None:
    """The image runs with -OO."""
    result = run("--help", PYTHONOPTIMIZE="2")

    assert (result.returncode, result.stderr) == (0, "")
    for name, field in Settings.model_fields.items():
        assert f"  {name.upper()}, {flag(name)} (default: " in result.stdout
        assert str(field.description).replace("`", "") in result.stdout


def test_reading_gives_the_childs_values_or_its_status(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The line on stderr is the child's; the parent adds nothing."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("DATABASE_URL", URL["DATABASE_URL"])

    assert loader.read(["--probe-interval", "1m"]).probe_interval == 60
    with pytest.raises(SystemExit) as refusal:
        loader.read(["--probe-interval", "x"])
    assert refusal.value.code == 2
    assert len(capfd.readouterr().err.splitlines()) == 1


def test_the_serving_process_never_imports_pydantic() -> None:
    """Pydantic's 8 MB end with the child process."""
    code = "import exporter.settings.loader, sys; sys.exit('pydantic' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_a_value_which_is_not_text_is_refused() -> None:
    """Bytes that are not UTF-8 are refused in one line."""
    environment = {**os.environb, b"DATABASE_URL": b"postgresql://u:Zq7\xff@h/db"}
    command = [sys.executable, "-m", "exporter.settings.model"]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)

    assert (result.returncode, result.stdout) == (2, b"")
    assert len(result.stderr.splitlines()) == 1
    assert b"DATABASE_URL" in result.stderr
    assert b"Zq7" not in result.stderr
