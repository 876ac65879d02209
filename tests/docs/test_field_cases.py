"""tests/field-cases.md names the tests that hold each case; each of them exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLE = (ROOT / "tests/field-cases.md").read_text()
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def test_every_case_is_held_by_tests_that_exist() -> None:
    """A renamed test would leave a case that nothing holds; a test may be imported into the file that is named."""
    named = TEST.findall(TABLE)
    missing = [f"{file}::{name}" for file, name in named if not re.search(rf"\b{name}\b", (ROOT / file).read_text())]

    assert missing == []
    rows = re.findall(r"^\| (\d+) \|.*$", TABLE, re.MULTILINE)
    assert rows == [str(number) for number in range(1, 47)]
    assert all(TEST.search(line) for line in TABLE.splitlines() if re.match(r"\| \d", line))
