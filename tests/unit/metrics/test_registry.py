"""Counting and rendering metrics, without a server: what is cached, and for how long."""

import gzip
from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry, Counter

from exporter.metrics.registry import CACHE_SECONDS, CACHED_FORMS, Metrics
from exporter.model.outcome import Outcome
from exporter.model.result import ProbePath, ProbeResult
from exporter.probing.status import DatabaseStatus, PathStatus
from tests.support.clock import Clock

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def make_metrics(clock: Callable[[], float] = Clock()) -> Metrics:  # noqa: B008 - a clock that stands still
    """Metrics without a database."""
    return Metrics({}, app_pools=None, tasks=lambda: 7, lag=lambda: 0.0, clock=clock)


def test_duplicate_name_is_refused() -> None:
    """A second metric of a name in use is an error at once, not two families on one page."""
    registry: CollectorRegistry = make_metrics()._registry

    with pytest.raises(ValueError, match="Duplicated"):
        Counter("dbhealth_up", "Again.", registry=registry)


def test_rendering_is_cached_until_a_change() -> None:
    """A rendering stays the same until a change; each form has its own."""
    metrics = make_metrics()
    first = metrics.render(accept="", compress=False)

    assert metrics.render(accept="", compress=False) is first
    assert metrics.render(accept=OPENMETRICS, compress=False) is not first
    metrics.clear_cache()
    assert metrics.render(accept="", compress=False) is not first


def test_compressed_rendering_has_the_same_content() -> None:
    """Compressed and plain renderings have the same content, filtered or not."""
    metrics = make_metrics()

    for names in ([], ["dbhealth_build_info"]):
        plain = metrics.render(accept="", compress=False, names=names)[0]
        packed = metrics.render(accept="", compress=True, names=names)[0]
        assert gzip.decompress(packed).splitlines()[:5] == plain.splitlines()[:5]
        assert b"dbhealth_build_info" in plain


def test_cache_expires() -> None:
    """After a second the process's own figures are read anew, though no probe has ended."""
    clock = Clock()
    metrics = make_metrics(clock)
    first = metrics.render(accept="", compress=False)
    clock.now += CACHE_SECONDS - 0.1
    young = metrics.render(accept="", compress=False)
    clock.now += 0.1

    assert young is first
    assert metrics.render(accept="", compress=False) is not first


def test_probe_is_counted_and_shown_at_once() -> None:
    """A scrape after a probe shows its result."""
    metrics = make_metrics()
    first = metrics.render(accept="", compress=False)[0]
    failed = PathStatus().add(ProbeResult(Outcome.DNS, 0.02, 1.0, 2.0))
    metrics.update(DatabaseStatus(name="app", slow_after=0.4, paths={ProbePath.POOLED: failed}), ProbePath.POOLED)
    second = metrics.render(accept="", compress=False)[0]

    assert b'outcome="dns"' not in first
    assert b'dbhealth_probes_total{database="app",outcome="dns",path="pooled"} 1.0' in second


def test_other_change_counts_no_probe() -> None:
    """A status that changes without a probe is shown at once and counts nothing."""
    metrics = make_metrics()
    first = metrics.render(accept="", compress=False)
    failed = PathStatus().add(ProbeResult(Outcome.DNS, 0.02, 1.0, 2.0))
    metrics.update(DatabaseStatus(name="app", slow_after=0.4, paths={ProbePath.POOLED: failed}), None)
    second = metrics.render(accept="", compress=False)

    assert second is not first
    assert b'outcome="dns"' not in second[0]


def test_cache_is_bounded() -> None:
    """Requests with ever new filters or versions do not grow the cache."""
    metrics = make_metrics()
    for number in range(20):
        metrics.render(accept="", compress=False, names=[f"nothing_{number}"])
        metrics.render(accept=f"application/openmetrics-text; version=1.0.{number}", compress=True)

    assert 0 < len(metrics._cache) <= CACHED_FORMS
