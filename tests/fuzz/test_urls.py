"""Whatever a database's URL is, it names a database or is refused in one sentence, and means what libpq takes it to mean."""

# ruff: noqa: E501, PT017 - a sentence on a line; whichever error there is, it is looked at
import psycopg
from hypothesis import given
from psycopg.conninfo import conninfo_to_dict

from exporter.dsn import DsnError, Target, parse
from tests.fuzz.budget import examples
from tests.fuzz.corpus import corpus
from tests.fuzz.environments import cut, urls, wrapped
from tests.fuzz.texts import ANY_TEXT, tells


def read(url: str) -> Target | None:
    """Parse it and make its arguments; None where either refuses, in a sentence without secrets."""
    try:
        target = parse(url)
        target.connect_arguments()
    except DsnError as error:
        assert not tells(str(error)), error
        assert len(str(error).splitlines()) == 1
        return None
    assert not tells(repr(target) + "".join(target.sentences)), target
    return target


@examples(short=100, long=4000)
@given(urls() | wrapped(urls()) | cut(urls()) | ANY_TEXT)
@corpus("urls", bytes.decode)
def test_urls(url: str) -> None:
    """Nothing but a target or a `DsnError`."""
    read(url)


@examples(short=100, long=4000)
@given(urls().filter(lambda url: url.startswith(("postgresql:", "postgres:"))))
@corpus("urls", bytes.decode)
def test_urls_mean_what_libpq_takes_them_to_mean(url: str) -> None:
    """Of those that both accept: the host, the user, the database and the password."""
    target = read(url)
    try:
        theirs = conninfo_to_dict(url)
    except (psycopg.Error, ValueError):
        return
    if target is None or not set(str(theirs.get("port") or "")) <= set(
        "0123456789,"
    ):  # libpq looks at ports as it connects
        return
    if "@" in str(theirs.get("host") or ""):  # it ends a user at the first @, where a host of that name cannot be
        return
    if str(theirs.get("dbname") or "").startswith("/"):  # Django's form of a socket: //FOLDER/DATABASE
        return
    if theirs.get("user"):
        assert target.user == theirs["user"]
    if theirs.get("password"):
        assert target.password == theirs["password"]
    if theirs.get("dbname"):
        assert target.database == theirs["dbname"]
    if theirs.get("host") and url.count("host=") <= 1:  # several are SQLAlchemy's form of several hosts
        assert ",".join(host for host, _ in target.hosts) == theirs["host"]
