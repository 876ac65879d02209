"""Fixtures of the charts' tests: both Helms, and the least that a mode needs."""

import pytest

from tests.chart.tools import VERSIONS, Helm


@pytest.fixture(params=VERSIONS)
def helm(request: pytest.FixtureRequest) -> Helm:
    """Each Helm in turn."""
    return Helm(request.param)
