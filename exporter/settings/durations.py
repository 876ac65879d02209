"""Durations as people write them: 0.5, 500ms, 60s, 1m, 2h, 1d."""

import math
import re

_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9}) *(ms|s|m|h|d|)")


def parse_duration(text: str) -> float:
    """Return the seconds; without a unit the number is seconds.

    Raises:
        ValueError: the text is no duration.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError("not a duration such as 0.5, 500ms, 60s or 1m")
    seconds = float(match[1]) * _UNITS[match[2]]
    # 0.1 and 100ms are the same number.
    return math.floor(seconds * 1e9 + 0.5) / 1e9
