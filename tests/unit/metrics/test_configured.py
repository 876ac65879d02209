"""Metrics of the databases' settings, from monitors that have not connected yet."""

import pytest

from exporter.database.engine import PoolOptions
from exporter.dsn import Source
from exporter.metrics.registry import Metrics
from exporter.probing.config import MonitorConfig
from exporter.probing.monitor import Monitor
from exporter.probing.probe import Limits


def render(url: str, **settings: float) -> str:
    """The metrics of one database with these settings."""
    config = MonitorConfig(name="app", source=Source(url=url), pool=PoolOptions(), limits=Limits(), **settings)  # type: ignore[arg-type]
    monitors = {"app": Monitor(config, clock=lambda: 0.0, wall_clock=lambda: 0.0)}
    metrics = Metrics(monitors, app_pools=None, tasks=lambda: 7, lag=lambda: 0.0, clock=lambda: 0.0)
    return metrics.render(accept="", compress=False)[0].decode()


async def test_intervals_are_as_set() -> None:
    """Each path has its interval; 0 means off."""
    text = render("postgresql://u@db.example/app", interval=600.0, fresh_interval=0.0, write_interval=30.0)

    for path, seconds in (("pooled", "600.0"), ("fresh", "0.0"), ("write", "30.0")):
        assert f'dbhealth_probe_interval_seconds{{database="app",path="{path}"}} {seconds}\n' in text


@pytest.mark.parametrize(
    ("hosts", "server"),
    [
        ("db.example", "db.example:5432"),
        ("b.example:6432,a.example", "a.example:5432,b.example:6432"),
        ("10.0.0.7", "10.0.0.7:5432"),
        ("[2001:db8::7]", "[2001:db8::7]:5432"),
    ],
)
async def test_server_is_named_as_the_address_does(hosts: str, server: str) -> None:
    """The server's name does not depend on the order of its hosts in the URL."""
    text = render(f"postgresql://u:secret@{hosts}/app")

    assert f'dbhealth_database_info{{database="app",server="{server}"}} 1.0\n' in text
    assert "secret" not in text


@pytest.mark.parametrize("hosts", ["db", "localhost", "127.0.0.1", "[::1]", "db.example,db", "%2Frun%2Fpostgresql"])
async def test_server_is_not_named_where_its_name_means_several(hosts: str) -> None:
    """A pod's proxy or a namespace's Service would look like one server shared by all."""
    assert "dbhealth_database_info{" not in render(f"postgresql://u@{hosts}/app")
