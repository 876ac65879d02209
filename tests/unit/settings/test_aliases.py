"""Other names of an address's parts, as applications have them."""

from typing import Any

import pytest

from exporter.settings.model import read_config

CLEARED = ("DATABASE_URL", "DATABASES", "DATABASE_HOST", "DATABASE_USER", "DATABASE_PASSWORD", "DATABASE_PARAMETERS")


def read(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Any:
    """The target of the only database, and the notes."""
    for name in CLEARED:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    config = read_config({}, serve=True)
    return config.databases[0].source.target(), config.notes


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"DATABASE_USERNAME": "u", "DATABASE_DB": "d"}, ("u", "", "d")),
        ({"DATABASE_USERNAME": "u", "DATABASE_DBNAME": "d", "DATABASE_PASS": "p"}, ("u", "p", "d")),
        ({"DATABASE_USERNAME": "x", "DATABASE_USER": "u", "DATABASE_NAME": "d"}, ("u", "", "d")),
        ({"DATABASE_USER": "u", "DATABASE_DATABASE": "d", "DATABASE_PASSWORD": "p"}, ("u", "p", "d")),
    ],
)
def test_parts_by_other_names_count(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: tuple[str, str, str]
) -> None:
    """Otherwise the exporter would log in as the user of its process, or to another database."""
    target, _ = read(monkeypatch, DATABASE_HOST="h", **environment)

    assert (target.user, target.password, target.database) == expected


@pytest.mark.parametrize(
    ("environment", "mode"),
    [
        ({"DATABASE_SSLMODE": "require"}, "require"),
        ({"DATABASE_SSL_MODE": "Require"}, "require"),
        ({"DATABASE_SSL": "true"}, "require"),
        ({"DATABASE_SSL": "certificate.pem"}, "prefer"),
        ({"DATABASE_SSL": "true", "DATABASE_PARAMETERS": "sslmode=verify-full&sslrootcert=system"}, "verify-full"),
        ({"DATABASE_SSLMODE": "require", "DATABASE_PARAMETERS": "application_name=x"}, "require"),
    ],
)
def test_tls_beside_the_parts_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], mode: str
) -> None:
    """TLS is never weakened."""
    target, _ = read(monkeypatch, DATABASE_HOST="h", **environment)

    assert target.sslmode == mode


def test_they_do_not_change_a_whole_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line names them."""
    target, notes = read(
        monkeypatch, DATABASE_URL="postgresql://u:p@h/d", DATABASE_USERNAME="x", DATABASE_PASS="y", DATABASE_SSL="true"
    )

    assert (target.user, target.password, target.sslmode) == ("u", "p", "prefer")
    assert notes == ("DATABASE_PASS, DATABASE_SSL, DATABASE_USERNAME: not used, because DATABASE_URL counts",)


def test_tls_that_is_not_understood_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sets it may rely on it."""
    _, notes = read(monkeypatch, DATABASE_HOST="h", DATABASE_SSL_CA="-----BEGIN")

    assert notes == ("DATABASE_SSL_CA: not used, because TLS is asked for by DATABASE_PARAMETERS",)
