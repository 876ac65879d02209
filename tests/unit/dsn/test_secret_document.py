"""Secrets that are one JSON object, in the words of the stores that people have, as an address and as a password."""

import json
from pathlib import Path

import pytest

from exporter.dsn import DsnError, Source

PLAIN = {"host": "h", "username": "u", "password": "p", "dbname": "d"}


@pytest.mark.parametrize(
    "document",
    [
        PLAIN,
        {"hostname": "h", "user": "u", "password": "p", "database": "d"},
        {"host": "h", "userName": "u", "password": "p", "dbName": "d", "name": "orders-db"},
        {"DB_HOST": "h", "DB_USER": "u", "DB_PASSWORD": "p", "DB_NAME": "d"},
        {"PGHOST": "h", "PGUSER": "u", "PGPASSWORD": "p", "PGDATABASE": "d"},
        {"POSTGRES_HOST": "h", "POSTGRES_USER": "u", "POSTGRES_PASSWORD": "p", "POSTGRES_DB": "d"},
        {**PLAIN, "postgres-password": "of the superuser"},
        {"postgres-password": "of the superuser", **PLAIN},
        {**PLAIN, "uri": None, "dbInstanceIdentifier": "x", "engine": "aurora-postgresql"},
        {"uri": "postgres://u:p@h/d"},
        {"DATABASE_URL": "postgresql://u:p@h/d"},
        {"connectionString": "postgresql://u:p@h/d"},
    ],
    ids=str,
)
def test_the_words_of_many_stores(document: dict[str, object]) -> None:
    """Whatever its keys are called, the address is the same."""
    target = Source(url=json.dumps(document)).target()

    assert (target.hosts, target.user, target.password, target.database) == ((("h", 5432),), "u", "p", "d")


@pytest.mark.parametrize(
    ("more", "mode"),
    [
        ({}, "prefer"),
        ({"ssl": True}, "require"),
        ({"ssl": "true"}, "require"),
        ({"sslmode": "require"}, "require"),
        ({"tls": True}, "require"),
        ({"ssl": False}, "disable"),
        ({"ssl": None}, "prefer"),
        ({"sslmode": "verify-full", "sslrootcert": "system"}, "verify-full"),
    ],
)
@pytest.mark.parametrize("document", [PLAIN, {"uri": "postgresql://u:p@h/d"}], ids=["parts", "url"])
def test_the_tls_of_a_secret_is_asked_for(document: dict[str, object], more: dict[str, object], mode: str) -> None:
    """TLS is never weakened."""
    assert Source(url=json.dumps({**document, **more})).target().sslmode == mode


def test_a_word_about_tls_that_nobody_understands_is_refused() -> None:
    """As in a URL."""
    with pytest.raises(DsnError, match='unknown parameter "ssl_ca", which may ask for TLS'):
        Source(url=json.dumps({**PLAIN, "ssl_ca": "/x"})).target()


def test_a_secret_of_user_and_password_alone_needs_a_host(tmp_path: Path) -> None:
    """As RDS makes and rotates it: the host stands beside it."""
    file = tmp_path / "secret"
    file.write_text(json.dumps({"username": "u", "password": "p"}))
    with pytest.raises(DsnError, match="give DATABASE_HOST beside it"):
        Source(url_file=str(file)).target()

    target = Source(url_file=str(file), host="h", port=5433, name="d", user="other", parameters="ssl=true").target()

    assert (target.hosts, target.user, target.password) == ((("h", 5433),), "u", "p")
    assert (target.database, target.sslmode) == ("d", "require")


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(PLAIN),
        "\ufeff" + json.dumps(PLAIN),
        json.dumps({"DB_PASSWORD": "p"}),
        json.dumps({"data": {"password": "p"}}),
        "postgresql://u:p@h/d",
        " postgres://u:p@h/d\n",
    ],
)
def test_a_whole_secret_is_no_password(tmp_path: Path, text: str) -> None:
    """It is named for what it is, and never sent."""
    file = tmp_path / "secret"
    file.write_text(text)
    for source in (Source(host="h", password=text), Source(host="h", password_file=str(file))):
        with pytest.raises(DsnError, match="instead of a password"):
            source.target()


@pytest.mark.parametrize("text", ["{", "{}", "{a: b}", "{x}", "postgres", "postgresql:/"])
def test_passwords_that_only_look_like_secrets_are_sent(text: str) -> None:
    """Any character may belong to a password."""
    assert Source(host="h", password=text).target().password == text
