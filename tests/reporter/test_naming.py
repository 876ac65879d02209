"""Every process of an application gives its pools the same names, in whatever order it uses them."""

import itertools

import pytest
from db_health_reporter.naming import database_name, insert_by_key, unique
from db_health_reporter.settings import read_settings

from tests.reporter.conftest import Reports, Start


@pytest.mark.sampled(1)
@pytest.mark.parametrize("order", list(itertools.permutations(["archive", "billing", "catalogue"])), ids=" ".join)
def test_lazily_made_engines_keep_their_names(
    order: tuple[str, ...], start: Start, reports: Reports, sqlite: str
) -> None:
    """The lines that make the engines decide their numbers, `pool_logging_name` a name."""
    environment = {"DBHEALTH_ADDRESS": reports.address, "DBHEALTH_INTERVAL": "0.1", "DBHEALTH_INSTALL": "1"}
    names = {"DBHEALTH_POOL": "app", "DBHEALTH_DATABASE": "shop"}
    process = start("2.1", "lazy_engines.py", sqlite, *order, env={**environment, **names})

    assert process.communicate(timeout=30) == ("", "")
    received = reports.received()
    held = {report["pool"]: report["checked_out"] for report in received if "checked_out" in report}
    assert held == {"app": 1, "app-2": 2, "catalogue": 3}
    assert {report["database"] for report in received} == {"shop"}


def test_a_later_key_gets_a_later_number() -> None:
    """A new engine with a smaller key takes the number, and the others are renumbered, the last first."""
    assert insert_by_key("app", ("b",), {}) == ("app", [])
    assert insert_by_key("app-2", ("c",), {"app": ("b",)}) == ("app-2", [])
    assert insert_by_key("app-3", ("a",), {"app": ("b",), "app-2": ("c",)}) == (
        "app",
        [("app-2", "app-3"), ("app", "app-2")],
    )


def test_equal_keys_keep_their_order() -> None:
    """Engines with equal keys are numbered in the order of their making."""
    assert insert_by_key("app-2", ("b",), {"app": ("b",)}) == ("app-2", [])


def test_unique_name_has_the_smallest_free_number() -> None:
    """A unique name gets the smallest free number."""
    assert unique("app", []) == "app"
    assert unique("app", ["app", "app-3"]) == "app-2"


def test_a_database_without_a_name_is_the_exporters_only_one() -> None:
    """Unless it is of another kind, which the exporter does not ask."""
    plain, named = read_settings({}, set()), read_settings({"dbhealth_database": "orders"}, set())

    assert database_name(plain, None, "postgresql") is None
    assert database_name(plain, "app", "postgresql") == "app"
    assert database_name(plain, None, "sqlite") == "default"
    assert database_name(named, None, "postgresql") == "orders"
