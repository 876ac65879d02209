"""Fixtures of the charts' tests: both versions of Helm."""

import pytest

from tests.chart.tools import VERSIONS, Helm


@pytest.fixture(params=VERSIONS)
def helm(request: pytest.FixtureRequest) -> Helm:
    """Each version of Helm in turn."""
    return Helm(request.param)
