"""The inputs that each fuzzer tries first: files of `corpus/NAME`, one for each defect that was found, and others."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import example

FOLDER = Path(__file__).parent / "corpus"


def corpus(name: str, read: Callable[[bytes], Any]) -> Callable[[Any], Any]:
    """Give a test each file of a folder as an explicit example, as `read` makes it of the bytes."""
    files = sorted((FOLDER / name).iterdir())
    assert files

    def add(test: Any) -> Any:
        for each in files:
            test = example(read(each.read_bytes()))(test)
        return test

    return add
