"""The text of a database URL, cut into its parts the way applications' own libraries cut it."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote_to_bytes

from exporter.dsn.errors import DsnError
from exporter.dsn.hosts import Hosts, host_and_port, refuse_scheme
from exporter.dsn.parameters import canonical, is_known

_HOST = r"(?:\[[^\[\]/?@,]+\]|[\w.~%-]*)(?::[0-9]*)?"
_REST = re.compile(rf"(?P<hosts>{_HOST}(?:,{_HOST})*)(?:/(?P<database>[^?]*))?(?:\?(?P<query>.*))?", re.DOTALL)
# What uses PostgreSQL's protocol, as URLs of Django, SQLAlchemy, Tortoise, Go, PHP and Elixir call it.
SCHEMES = (
    "postgres postgresql pgsql psql postgis timescale timescaledb timescalegis cockroachdb cockroach crdb yugabytedb "
    "redshift asyncpg psycopg pgx pgx5 pdo-pgsql ecto"
)
_SCHEME = re.compile(
    rf"(?P<name>{'|'.join(SCHEMES.split())})(?:\+(?P<driver>\w[\w.+-]*))?://",
    re.IGNORECASE,
)
# What must not be taken for a host, where a whole URL stands in its place.
_INNER_SCHEME = re.compile(r"(?P<name>tcp|udp|https?|postgres(?:ql)?):", re.IGNORECASE)
# libpq's other form: host=db.example user=app password='a b'
_KEYWORD = re.compile(
    r"\s*(?P<name>\w+)\s*=\s*(?:'(?P<quoted>(?:[^'\\]|\\.)*)'|(?P<bare>(?:[^\s'\\]|\\.)*))(?:\s+|$)", re.DOTALL
)
_NAMEABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,40}")


@dataclass(frozen=True, slots=True)
class Parts:
    """A database address, decoded but not yet understood."""

    driver: str = ""
    hosts: Hosts = ()
    database: str = ""
    user: str = ""
    password: str | None = field(default=None, repr=False)
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    # Whether a parameter's name may be repeated in a message: not where it may be a piece of a password.
    nameable: bool = True

    def name_of(self, position: int) -> str:
        """A text for one parameter of the query, which repeats no secret."""
        key = self.query[position][0]
        if self.nameable and _NAMEABLE.fullmatch(key):
            return f'parameter "{key}"'
        return f"parameter number {position + 1}"


def is_url(text: str) -> bool:
    """Whether a text begins as a database's URL does."""
    return _SCHEME.match(text) is not None


def split(url: str) -> Parts:
    """Cut a URL into parts; a password may hold raw characters as long as one reading makes sense."""
    scheme = _SCHEME.match(url)
    if scheme is None:
        return _keywords(url)
    rest = url[scheme.end() :]
    readings = list(_readings(rest))
    userinfo, match = next((r for r in readings if _all_known(r[1])), readings[0]) if readings else (None, None)
    # An @ in what would be the database's name is more likely a piece of a password, and the name is shown.
    if match is None or (userinfo is not None and "@" in (match["database"] or "")):
        raise DsnError(
            "is not a URL of the form postgresql://USER:PASSWORD@HOST:PORT/DATABASE?PARAMETER=VALUE; "
            "percent-encode special characters of the password (@ is %40, / is %2F, % is %25)",
        )
    if "\n" in (match["database"] or ""):
        raise DsnError("has a line break after the database's name: it must be one address, on one line")
    return _parts((scheme["driver"] or "").lower(), userinfo, match)


def _keywords(text: str) -> Parts:
    """Cut libpq's form of keywords and values."""
    found: list[tuple[str, str]] = []
    position = 0
    while position < len(text) and (match := _KEYWORD.match(text, position)):
        value = match["bare"] if match["quoted"] is None else match["quoted"]
        found.append((canonical(match["name"]), re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL)))
        position = match.end()
    names = {name for name, _ in found}
    if position < len(text) or not names & {"host", "hostaddr", "dbname"} or not all(map(is_known, names)):
        raise DsnError(_no_scheme(text))
    return Parts(query=tuple(found), nameable=hides_nothing(found))


def _readings(rest: str) -> Iterator[tuple[str | None, re.Match[str]]]:
    """Every way to tell user and password from the host, the likeliest first.

    SQLAlchemy ends the password at the first @ whatever else it holds; where that leaves no host, a later @
    is taken. An @ after the question mark belongs to a parameter if everything before it is an address.
    """
    first_at, whole = rest.find("@"), _REST.fullmatch(rest)
    if whole and (first_at < 0 or ("?" in rest[:first_at] and _all_known(whole))):
        yield None, whole
    while first_at >= 0:
        userinfo = rest[:first_at]
        match = _REST.fullmatch(rest, first_at + 1)
        if match and "/" not in userinfo.partition(":")[0]:
            yield userinfo, match
        first_at = rest.find("@", first_at + 1)
    if whole:
        yield None, whole


def _all_known(match: re.Match[str]) -> bool:
    return all(is_known(key) for key, _ in pairs(match["query"]))


def pairs(query: str | None) -> list[tuple[str, str]]:
    """The parameters after a URL's question mark."""
    text = (query or "").lstrip("?").replace(r"\u0026", "&")  # as Go writes it in JSON
    return [(canonical(name), value) for name, value in parse_qsl(text, keep_blank_values=True)]


def hides_nothing(query: Iterable[tuple[str, str]]) -> bool:
    """Whether names may be repeated: after `password=a&b` the `b` may be a piece of the password."""
    return not {"password", "sslpassword"} & {name for name, _ in query}


def _parts(driver: str, userinfo: str | None, match: re.Match[str]) -> Parts:
    user, colon, password = (userinfo or "").partition(":")
    query = tuple(pairs(match["query"]))
    hosts, database = _hosts(match["hosts"]), decoded(match["database"] or "")
    inner = _INNER_SCHEME.fullmatch(match["hosts"])
    if inner is not None and database.startswith("/"):
        refuse_scheme(inner["name"])
    if not hosts and database.startswith(
        "/"
    ):  # Django's form of a socket: postgres://USER@//cloudsql/INSTANCE/DATABASE
        folder, _, database = database.rpartition("/")
        hosts = (host_and_port(folder),) if folder else ()
    return Parts(
        driver=driver,
        hosts=hosts,
        database=database,
        user=decoded(user),
        password=decoded(password) if colon else None,
        query=query,
        nameable=hides_nothing(query) and "@" not in match[0] and (userinfo is not None or ":" not in match["hosts"]),
    )


def _hosts(text: str) -> Hosts:
    """Told apart before they are decoded: an encoded slash or colon belongs to a name."""
    pairs = [host_and_port(one) for one in text.split(",")] if text else []
    return tuple((decoded(host), port) for host, port in pairs)


def decoded(text: str) -> str:
    """Percent-encoding undone."""
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeError:
        raise DsnError("holds percent-encoded bytes (or raw ones) that are not UTF-8") from None


def _no_scheme(url: str) -> str:
    if not url:
        return "is empty"
    if url[0] in "\"'":
        return "starts with a quotation mark that ends nowhere: remove it"
    foreign = re.match(r"(jdbc|r2dbc|mysql|mariadb|sqlite|mssql|oracle|mongodb|redis)[+\w]*:", url)
    if foreign:
        return f"starts with {foreign[1]}: the database must be a PostgreSQL, and its URL postgresql://..."
    return "must start with postgresql:// or postgres:// (a driver may be named: postgresql+asyncpg://)"
