"""SECURITY.md names tests for its rules; each of them exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_rule_names_tests_that_exist() -> None:
    """A renamed test would leave a rule that nothing holds."""
    text = (ROOT / "SECURITY.md").read_text()
    rules = text[text.index("## Who may reach what") : text.index("## What the exporter holds")]
    named = set(re.findall(r"`(test_\w+)`", text))
    defined = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"(?m)^(?:async )?def (test_\w+)\(", path.read_text())
    }

    assert named <= defined, named - defined
    assert all("`test_" in rule for rule in re.findall(r"(?ms)^- .*?(?=^- |^#|\Z)", rules))
