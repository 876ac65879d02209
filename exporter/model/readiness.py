"""The condition of `/readyz`."""

from enum import StrEnum


class Readiness(StrEnum):
    """The values of the setting `READINESS`."""

    OFF = "off"  # ready as soon as the exporter serves
    LATCH = "latch"  # ready from the first answer of the database on
    GATE = "gate"  # the same as /healthz
