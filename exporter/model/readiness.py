"""What `/readyz` waits for."""

from enum import StrEnum


class Readiness(StrEnum):
    """What `READINESS` may be; the value is also the text in settings."""

    OFF = "off"  # ready as soon as the exporter serves
    LATCH = "latch"  # ready from the first answer of the database on
    GATE = "gate"  # the same as /healthz
