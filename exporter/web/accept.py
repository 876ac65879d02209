"""What a client accepts: the header's ranges and their qualities."""

from __future__ import annotations


def qualities(header: str) -> dict[str, float]:
    """Each type or coding in lower case, parameters left out, with its highest quality; 0 is a refusal."""
    found: dict[str, float] = {}
    for part in header.split(","):
        name = _name(part)
        found[name] = max(found.get(name, 0.0), _quality(part))
    return found


def no_worse_than(header: str, name: str) -> str:
    """The parts of the header that the client likes as well as this type, or better; never those that it refuses."""
    least = qualities(header).get(name, 0.0)
    return ",".join(part for part in header.split(",") if _quality(part) >= least and _quality(part) > 0)


def _name(part: str) -> str:
    return part.partition(";")[0].strip().lower()


def _quality(part: str) -> float:
    for parameter in part.lower().split(";")[1:]:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
