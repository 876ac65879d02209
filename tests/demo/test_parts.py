"""The demo's parts by themselves: ports, the screen, and the command where the package is missing."""

import io
from importlib.machinery import ModuleSpec
from typing import Any

import pytest
from db_health_demo import ports, screen
from db_health_demo.faults import ACTIONS
from db_health_demo.watcher import Status
from rich.console import Console

from exporter.cli import main as cli

LINKS = {"page": "http://127.0.0.1:9850/", "control": "http://127.0.0.1:9852/", "shortened": "wedged 10 s (30)"}
ILL = Status(
    verdict="app_pool_wedged",
    advice="The database is fine; " * 20,
    location="shop.py:1 in a_very_long_name" * 9,
    used=5,
    maximum=5,
    pending=40,
    oldest=12.3,
    probes={"pooled": "success 1.0 ms", "fresh": "too_many_connections 3.1 ms", "write": "too_many_connections 2.1 ms"},
    endpoints={"/healthz": 200, "/readyz": 503, "/app/livez": 0},
    requests={"answered": 1.0, "E" * 200: 2.0},
    faults="leak, " * 40,
)


def _lines(status: Status, news: list[str], width: int, height: int) -> list[str]:
    output = io.StringIO()
    Console(file=output, width=width, height=height).print(
        screen.render(status, LINKS, news, height=height), crop=False
    )
    return output.getvalue().splitlines()


def test_two_demos_choose_other_ports() -> None:
    """A port is reserved from when a demo chooses it, before it listens, until that demo ends."""
    usual, reservation = ports.reserve()

    with reservation:
        for udp in (False, True):
            other, theirs = ports.reserve(usual, udp=udp)
            theirs.close()
            assert other != usual
    again, reservation = ports.reserve(usual)
    reservation.close()
    assert again == usual


@pytest.mark.parametrize("size", [(80, 24), (80, 10), (20, 3), (200, 60)])
@pytest.mark.parametrize("status", [ILL, Status()])
def test_no_line_is_longer_than_the_terminal(status: Status, size: tuple[int, int]) -> None:
    """Longer texts are cut or wrapped."""
    lines = _lines(status, ["x" * 300] * 40, *size)

    assert all(len(line) <= size[0] for line in lines)


def test_the_usual_terminal_has_room_for_links_verdict_keys_and_news() -> None:
    """80 columns and 24 lines hold every link and key, and the latest news first."""
    lines = _lines(ILL, ["latest", "old"], 80, 24)[:24]

    text = "\n".join(lines)
    assert all(address in text for address in LINKS.values())
    assert all(f"{key} {label}" in text for key, label, _, _ in ACTIONS.values())
    assert all(word in text for word in ("app_pool_wedged", "5 of 5 in use", "too_many_connections", "/readyz 503"))
    assert "latest" in text


def test_a_small_terminal_shows_the_verdict_first() -> None:
    """Where there is no room for the links, the verdict comes first."""
    assert "app_pool_wedged" in _lines(ILL, [], 80, 10)[0]


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the demo is not installed, as in the image, one line says how to get it, and the status is 2."""
    found: Any = lambda name: None if name == "db_health_demo" else ModuleSpec(name, None)  # noqa: E731
    monkeypatch.setattr(cli, "find_spec", found)

    assert cli.main(["demo"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "db-health-exporter: the demo is a package of its own: pip install db-health-demo, or make demo in a checkout"
    ]
