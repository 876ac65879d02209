"""Whatever datagrams arrive, the registry keeps its bounds, counters never fall, and everything can be rendered."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from exporter.app_pools.registry import AppPools
from tests.fuzz.budget import examples
from tests.fuzz.texts import ANY_TEXT
from tests.integration.app_pools.test_hostile_reports import BAD, scrape
from tests.reporter.datagrams import content
from tests.support.exporter import parse

FIELDS = sorted(content())
VALUES: st.SearchStrategy[Any] = st.sampled_from(BAD) | st.integers() | st.floats() | ANY_TEXT | st.booleans()


@st.composite
def datagrams(draw: st.DrawFn) -> bytes:
    """A report with some fields changed, left out or cut, or bytes that are none."""
    if draw(st.integers(1, 10)) == 1:
        return draw(st.binary(max_size=100) | ANY_TEXT.map(lambda text: text.encode("utf-8", "surrogatepass")))
    report = content(pid=draw(st.integers(1, 99)), pool=f"pool{draw(st.integers(0, 20))}")
    for name in draw(st.lists(st.sampled_from(FIELDS), max_size=3)):
        report[name] = draw(VALUES)
    sent = json.dumps(report).encode()
    return sent[: draw(st.integers(0, len(sent)))] if draw(st.integers(1, 8)) == 1 else sent


@examples(short=100, long=10_000)
@given(st.lists(datagrams(), max_size=30))
def test_datagrams(sent: list[bytes]) -> None:
    """Each is taken in or counted as rejected; a scrape of what is kept can be parsed."""
    pools = AppPools(databases={"main": "app"})
    connects = 0
    for each in sent:
        pools.receive(each)
        after = sum(total.connects or 0 for total in pools.totals())
        assert after >= connects
        connects = after
    pools.sweep()
    pools.assess("main")

    assert len(pools.states()) <= 64 * 16
    parse(scrape(pools).decode())
