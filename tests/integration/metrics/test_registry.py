"""`/metrics` shows every family of the contract, in the requested format."""

import gzip
import http.client
import time
from contextlib import ExitStack

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.diagnosis.verdict import Verdict
from exporter.model.outcome import Outcome
from exporter.model.result import ProbePath
from tests.support.client import Answer, StallDetector, get
from tests.support.exporter import Exporter
from tests.support.postgres import Postgres
from tests.support.server_factory import ServerFactory

POOL, WORKER = {"database", "pool"}, {"database", "pool", "worker"}
PROBE = {"database", "path"}
FAMILIES: dict[str, tuple[str, set[str]]] = {
    "dbhealth_up": ("gauge", {"database"}),
    "dbhealth_probe_interval_seconds": ("gauge", PROBE),
    "dbhealth_probe_latency_seconds": ("gauge", PROBE),
    "dbhealth_probe_duration_seconds": ("histogram", PROBE),
    "dbhealth_probes": ("counter", PROBE | {"outcome"}),
    "dbhealth_probe_last_timestamp_seconds": ("gauge", PROBE),
    "dbhealth_probe_last_success_timestamp_seconds": ("gauge", PROBE),
    "dbhealth_verdict": ("gauge", {"database", "verdict"}),
    "dbhealth_verdict_reason": ("gauge", {"database", "reason"}),
    "dbhealth_pool_size": ("gauge", WORKER),
    "dbhealth_pool_checked_out_connections": ("gauge", WORKER),
    "dbhealth_pool_checked_in_connections": ("gauge", WORKER),
    "dbhealth_pool_overflow_connections": ("gauge", WORKER),
    "dbhealth_pool_max_connections": ("gauge", WORKER),
    "dbhealth_pool_pending_requests": ("gauge", WORKER),
    "dbhealth_pool_oldest_checkout_seconds": ("gauge", WORKER),
    "dbhealth_pool_timeouts": ("counter", POOL),
    "dbhealth_pool_connects": ("counter", POOL),
    "dbhealth_pool_invalidations": ("counter", POOL),
    "dbhealth_pool_wait_seconds": ("histogram", POOL),
    "dbhealth_pool_use_seconds": ("histogram", POOL),
    "dbhealth_pool_create_seconds": ("histogram", POOL),
    "dbhealth_server_in_recovery": ("gauge", {"database"}),
    "dbhealth_server_connections": ("gauge", {"database"}),
    "dbhealth_server_max_connections": ("gauge", {"database"}),
    "dbhealth_pod_sessions": ("gauge", {"database", "state"}),
    "dbhealth_pod_oldest_idle_in_transaction_seconds": ("gauge", {"database"}),
    "dbhealth_build_info": ("gauge", {"version", "python", "sqlalchemy", "driver"}),
    "dbhealth_app_reports_rejected": ("counter", {"reason"}),
    "dbhealth_app_worker_silent": ("gauge", WORKER),
}
ONLY_OF_APPLICATIONS = {
    "dbhealth_pool_pending_requests",
    "dbhealth_pool_oldest_checkout_seconds",
    "dbhealth_pool_wait_seconds",
    "dbhealth_pool_use_seconds",
    "dbhealth_pool_create_seconds",
    "dbhealth_app_worker_silent",
}
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@pytest.fixture(scope="module")
def server(healthy_server: Postgres) -> Postgres:
    """A server that these tests leave as it was."""
    return healthy_server


@pytest.fixture(scope="module")
def exporter(
    server: Postgres, server_factory: ServerFactory, stall_detector: StallDetector, stack: ExitStack
) -> Exporter:
    """One exporter on it with all three paths on, in a pod whose address the server sees."""
    environment = {
        "DATABASE_URL": server.url(),
        "FRESH_PROBE_INTERVAL": "1",
        "WRITE_PROBE_INTERVAL": "1",
        "PROBE_INTERVAL": "3600",
        "POD_IP": "127.0.0.1",
    }
    made = Exporter(server_factory, environment, stall_detector=stall_detector)
    stack.callback(made.close)
    for path in ProbePath:
        made.wait_for("error" if path is ProbePath.WRITE else "success", path=path, within=10)
    return made


def ask(exporter: Exporter, query: str = "", **headers: str) -> Answer:
    """Scrape."""
    return get(exporter.host, exporter.port, f"/metrics{query}", headers=headers)


def fetch(exporter: Exporter, **headers: str) -> tuple[dict[str, str], bytes]:
    """Scrape, raw."""
    connection = http.client.HTTPConnection(exporter.host, exporter.port, timeout=10)
    connection.request("GET", "/metrics", headers=headers)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return {name.lower(): value for name, value in response.getheaders()}, body


def test_every_family_of_the_contract_is_shown(exporter: Exporter) -> None:
    """Each name of the contract is there, of its type, with its labels; all have help."""
    found = {family.name: family for family in parse_text(ask(exporter).text)}

    for name, (kind, labels) in FAMILIES.items():
        assert name in found, name
        family = found[name]
        assert (family.type, bool(family.documentation)) == (kind, True), name
        assert bool(family.samples) is (name not in ONLY_OF_APPLICATIONS), name
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == labels, sample
    ours = {name for name in found if name.startswith("dbhealth_")}
    assert all(name.startswith(("dbhealth_", "process_")) for name in found)
    assert ours - FAMILIES.keys() == {  # no part of the contract: for finding faults of the exporter itself
        "dbhealth_pool_oldest_checkout_info",
        "dbhealth_pool_leaked_connections",
        "dbhealth_app_event_loop_lag_seconds",
        "dbhealth_abandoned_connections",
        "dbhealth_asyncio_tasks",
        "dbhealth_database_info",
        "dbhealth_event_loop_lag_seconds",
    }


@pytest.mark.parametrize(
    ("accept", "openmetrics"),
    [
        ("text/plain;version=0.0.4;q=0.6, application/openmetrics-text;version=1.0.0;q=0.5, */*;q=0.1", False),
        ("application/openmetrics-text;version=1.0.0;q=0, */*", False),
        ("application/openmetrics-text;version=1.0.0;q=0.6, text/plain;version=0.0.4;q=0.5, */*;q=0.1", True),
        ("application/openmetrics-text", True),
    ],
)
def test_the_preferred_format_is_sent(exporter: Exporter, accept: str, openmetrics: bool) -> None:
    """Prometheus lists the formats of its `scrape_protocols` in order of preference."""
    kind = ask(exporter, Accept=accept).headers["content-type"]

    assert kind.startswith("application/openmetrics-text" if openmetrics else "text/plain")


@pytest.mark.parametrize(
    ("family", "sample"),
    [
        ("dbhealth_probe_duration_seconds", "dbhealth_probe_duration_seconds_bucket"),
        ("dbhealth_probes", "dbhealth_probes_total"),
        ("dbhealth_up", "dbhealth_up"),
    ],
)
def test_filter_takes_names_of_families_and_samples(exporter: Exporter, family: str, sample: str) -> None:
    """A filter may name a family as well as its samples."""
    found = list(parse_text(ask(exporter, f"?name[]={family}").text))

    assert [each.name for each in found] == [family]
    assert sample in {each.name for each in found[0].samples}


def test_every_series_is_there_from_the_start(exporter: Exporter) -> None:
    """Each outcome of each path has its counter before it ever happened, and exactly one verdict holds."""
    samples = exporter.samples()
    counted = {
        (labels["path"], labels["outcome"])
        for labels in (dict(labels) for name, labels in samples if name == "dbhealth_probes_total")
    }
    verdicts = {
        dict(labels)["verdict"]: value for (name, labels), value in samples.items() if name == "dbhealth_verdict"
    }

    assert counted == {(path.value, outcome.value) for path in ProbePath for outcome in Outcome}
    assert set(verdicts) == {verdict.value for verdict in Verdict}
    assert sorted(verdicts.values()) == [0.0] * (len(Verdict) - 1) + [1.0]
    assert exporter.sample("dbhealth_probes_total", path="pooled", outcome="dns") == 0


def test_values_match_the_server(exporter: Exporter, server: Postgres) -> None:
    """The values match the server's state."""
    assert exporter.sample("dbhealth_up", database="app") == 1
    assert exporter.sample("dbhealth_server_in_recovery") == 0
    assert exporter.sample("dbhealth_server_max_connections") == server.value(
        "SELECT setting::int FROM pg_settings WHERE name = 'max_connections'",
    )
    assert exporter.sample("dbhealth_pool_size", pool="sidecar", worker="0") == 5
    assert exporter.sample("dbhealth_pool_max_connections", pool="sidecar") == 15
    assert exporter.sample("dbhealth_pool_overflow_connections", pool="sidecar") == 0
    assert exporter.sample("dbhealth_pool_connects_total", pool="sidecar") == 1
    assert abs(exporter.sample("dbhealth_probe_last_timestamp_seconds", path="fresh") - time.time()) < 30
    assert exporter.sample("dbhealth_probe_duration_seconds_count", path="pooled") == sum(exporter.outcomes().values())


def test_openmetrics_is_sent_on_request(exporter: Exporter) -> None:
    """OpenMetrics is sent to a client that accepts it, the text format to every other."""
    plain = ask(exporter)
    modern = ask(exporter, Accept=f"{OPENMETRICS},text/plain;q=0.5")

    assert plain.headers["content-type"].startswith("text/plain; version=")
    assert modern.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert modern.text.endswith("# EOF\n")
    families = parse_openmetrics(modern.text)  # type: ignore[no-untyped-call]
    assert {family.name for family in families} >= FAMILIES.keys()
    assert "_created" not in plain.text + modern.text
    assert "Accept" in plain.headers["vary"]


def test_gzip_is_sent_on_request(exporter: Exporter) -> None:
    """The answer is compressed if the client accepts gzip."""
    headers, body = fetch(exporter, **{"Accept-Encoding": "gzip, deflate"})
    assert headers["content-encoding"] == "gzip"
    assert b"dbhealth_up" in gzip.decompress(body)

    for encoding in ("identity", "br", "gzip;q=0"):
        headers, body = fetch(exporter, **{"Accept-Encoding": encoding})
        assert "content-encoding" not in headers, encoding
        assert b"dbhealth_up" in body


def test_filter_picks_families(exporter: Exporter) -> None:
    """`name[]` picks families, several of them, and nothing of an unknown name."""
    text = ask(exporter, "?name[]=dbhealth_up&name[]=dbhealth_probes_total").text

    assert {family.name for family in parse_text(text)} == {"dbhealth_up", "dbhealth_probes"}
    assert ask(exporter, "?name[]=nothing").text.strip() == ""


def test_no_name_and_no_sample_appears_twice(exporter: Exporter) -> None:
    """A name never appears twice, and no sample either."""
    text = ask(exporter).text
    helped = [line.split()[2] for line in text.splitlines() if line.startswith("# HELP")]
    series = [line.rsplit(" ", 1)[0] for line in text.splitlines() if line and not line.startswith("#")]

    assert len(helped) == len(set(helped))
    assert len(series) == len(set(series))
