"""The JSON of the health endpoints has the form that docs/health-endpoints.md describes."""

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from exporter.diagnosis.verdict import Verdict
from exporter.model.outcome import Outcome, Reason
from exporter.probing.status import DatabaseStatus
from tests.unit.web.conftest import Serve
from tests.unit.web.statuses import LEAKING, WEDGED, StubMonitor, make_status

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[2] / "docs/health-endpoints.md"
SCHEMA = json.loads((HERE / "health.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)

STATUSES = {
    "not probed yet": make_status(pooled=None, fresh=None),
    "healthy": make_status(),
    "down": make_status(pooled=Outcome.REFUSED, fresh=Outcome.REFUSED),
    "down, not required": make_status(pooled=Outcome.REFUSED, fresh=Outcome.REFUSED, required=False),
    "with a reason": make_status(fresh=Outcome.TOO_MANY_CONNECTIONS, reason=Reason.LIMIT_ROLE),
    "wedged": make_status(assessment=WEDGED),
    "leaking": make_status(assessment=LEAKING),
}


def test_schema_is_valid() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", STATUSES)
async def test_every_answer_matches_the_schema(serve: Serve, name: str) -> None:
    client = await serve(StubMonitor(STATUSES[name]))
    routes = ("/readyz", "/livez", "/app/livez", "/healthz")

    for route in routes if STATUSES[name].pooled.latest else routes[:-1]:
        response = await client.get(route, headers={"Accept": "application/json"})

        answer = await response.json()
        VALIDATOR.validate(answer)
        assert (response.status == 503) == (answer["status"] == "fail")


def test_the_documented_example_matches_the_schema() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)

    VALIDATOR.validate(json.loads(example))


def test_the_schema_knows_every_verdict_and_reason() -> None:
    fields = SCHEMA["$defs"]["diagnosis"]["properties"]

    assert set(fields["verdict"]["enum"]) == {verdict.value for verdict in Verdict}
    assert set(fields["reason"]["enum"]) == {None, *(reason.value for reason in Reason)}


async def diagnosis(serve: Serve, status: DatabaseStatus) -> dict[str, object]:
    """The database's diagnosis in the answer of `/livez`, which does not depend on it."""
    response = await (await serve(StubMonitor(status))).get("/livez", headers={"Accept": "application/json"})
    found: dict[str, object] = (await response.json())["databases"]["app"]
    return found


async def test_a_reason_is_given_where_one_is_known(serve: Serve) -> None:
    assert (await diagnosis(serve, STATUSES["with a reason"]))["reason"] == "limit_role"
    assert (await diagnosis(serve, STATUSES["down"]))["reason"] is None


async def test_a_wedged_pool_comes_with_its_oldest_checkout(serve: Serve) -> None:
    assert (await diagnosis(serve, STATUSES["wedged"]))["oldest_checkout"] == {
        "pool": "orders",
        "worker": "1",
        "location": "shop/views.py:41 in checkout",
        "seconds": 62.5,
        "doing": "shop/views.py:44 in checkout",
    }
    assert "oldest_checkout" not in await diagnosis(serve, STATUSES["healthy"])


async def test_each_leak_is_named(serve: Serve) -> None:
    found = await diagnosis(serve, STATUSES["leaking"])

    assert found["oldest_checkout"] == {
        "pool": "orders",
        "worker": "1",
        "location": "shop/export.py:8 in export",
        "seconds": 75.0,
        "doing": None,
    }
    assert found["leaks"] == [
        found["oldest_checkout"],
        {
            "pool": "orders",
            "worker": "2",
            "location": "shop/views.py:9 in cart",
            "seconds": 31.0,
            "doing": "shop/views.py:10 in cart",
        },
    ]
    assert "leaks" not in await diagnosis(serve, STATUSES["wedged"])


async def test_each_leak_is_a_note(serve: Serve) -> None:
    response = await (await serve(StubMonitor(STATUSES["leaking"]))).get("/app/livez?verbose")

    assert (await response.text()).splitlines()[2:-1] == [
        "oldest checkout app: pool orders, worker 1, at shop/export.py:8 in export, out for 75 s; now: not known",
        "leak app: pool orders, worker 2, at shop/views.py:9 in cart, out for 31 s; now: shop/views.py:10 in cart",
    ]
