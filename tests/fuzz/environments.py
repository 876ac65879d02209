"""Environments as applications, platforms and mistakes make them: `DATABASE_*` of every shape, and their files."""

# ruff: noqa: E501, SIM905, RUF005 - lists of many values read best as words on a line
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from tests.fuzz.texts import ANY_TEXT, MARK, maybe, secrets

FILES = "files"  # the folder of the files that environments name, relative to the process's own
SCHEMES = (
    "postgresql postgres postgresql+asyncpg postgresql+psycopg postgresql+psycopg2 postgresql+psycopg_async "
    "postgresql+pg8000 postgresql+aiopg postgresql+asyncpgsa POSTGRESQL postgis timescaledb cockroachdb mysql "
    "mysql+pymysql mariadb sqlite sqlite+aiosqlite mssql+pyodbc oracle mongodb+srv redis jdbc:postgresql http prisma file"
).split()
HOSTS = (
    "127.0.0.1 127.0.0.1 127.0.0.1 localhost [::1] ::1 db db.invalid pg-rw.prod.svc.cluster.local 127.0.0.2 0.0.0.0 "
    "10.0.0.1 198.18.0.1 [2001:db8::1] [fe80::1%25eth0] %2Frun%2Fpostgresql a,b 127.0.0.1:1,127.0.0.1:5432 256.1.1.1 "
    "xn--bcher-kva.invalid b\xfccher.invalid ...a..b.. _srv._tcp a_b -x- $(DB_HOST) ${DB_HOST} {{host}} %s @ // "
    "tcp://10.0.0.1:5432 postgresql://h http://h:80/"
).split() + ["", " ", "a" * 64, "a" * 300, "a." * 120, "db host", "127.0.0.1 ", "\u2028", "\U0001f4a9"]
SOCKETS = ("/var/run/postgresql", "/tmp", "/", "/nowhere", "/run/x/.s.PGSQL.5432", "/cloudsql/p:r:i", "/" + "s" * 120)
PORTS = (
    "",
    "5432",
    "5432",
    "5432",
    "1",
    "6543",
    "0",
    "-1",
    "65535",
    "65536",
    "99999999",
    "5432,5433",
    "x",
    " 5432",
    "५४३२",
)
DATABASES = (
    "app",
    "app",
    "app",
    "",
    "postgres",
    "a b",
    "a/b",
    "a%2Fb",
    "%ff",
    "b\xfc",
    "x" * 80,
    "$(DB)",
    "a?b",
    "a\nb",
)
USERS = (
    "app",
    "app",
    "app",
    "",
    "postgres.ref",
    "user@tenant",
    "user%40tenant",
    "b\xfc",
    "%zz",
    "a b",
    "x" * 90,
    "$(DB_USER)",
)
VALUES = {
    "sslmode": "disable allow prefer require verify-ca verify-full no-verify REQUIRE",
    "ssl": "true false 1 require verify-full no",
    "sslrootcert": "system /app/ca.pem files/file0 /dev/null /dev/zero ~/.postgresql/root.crt",
    "sslcert": "files/file0 /nowhere",
    "sslkey": "files/file0 /nowhere",
    "sslcrl": "files/file1",
    "sslcrldir": "files /nowhere",
    "sslnegotiation": "direct postgres",
    "sslaccept": "strict accept_invalid_certs",
    "ssl_min_protocol_version": "TLSv1.2 TLSv1.3 TLSv1 SSLv3",
    "ssl_max_protocol_version": "TLSv1 TLSv1.3",
    "channel_binding": "require prefer disable yes",
    "gssencmode": "require disable",
    "require_auth": "scram-sha-256 none",
    "requirepeer": "postgres",
    "requiressl": "0 1",
    "connect_timeout": "0 1 10 -1 1.5 1e9 ten 99999999999999999999",
    "timeout": "2 x",
    "application_name": "shop a%20b %0a %00 %F0%9F%92%A9",
    "options": "-c%20search_path=app -csearch_path%3Dapp --x endpoint%3Dep-1 -c%20statement_timeout=1",
    "target_session_attrs": "any read-write primary prefer-standby read-only master",
    "load_balance_hosts": "random disable 1",
    "host": "127.0.0.1 /tmp a,b db.invalid %2Ftmp",
    "hostaddr": "127.0.0.1 ::1 1.2.3 10.0.0.1,10.0.0.2",
    "port": "5432 1,2 x",
    "user": "app other",
    "dbname": "app",
    "database": "app",
    "passfile": "/nowhere files/file0",
    "service": "orders",
    "replication": "database true",
    "krbsrvname": "postgres",
    "gsslib": "gssapi sspi",
    "client_encoding": "utf8 latin1",
    # Other frameworks' and platforms'.
    "workaround": "supabase-pooler.vercel",
    "pgbouncer": "true",
    "connection_limit": "1",
    "pool_timeout": "0",
    "pool_mode": "transaction",
    "schema": "public",
    "currentSchema": "app",
    "search_path": "app",
    "statement_timeout": "5000",
    "statement_cache_size": "0",
    "prepared_statement_cache_size": "0",
    "plugin": "dbhealth",
    "dbhealth_pool": "orders",
    "socketTimeout": "30",
    "serverVersion": "15",
    "charset": "utf8",
    "sslidentity": "x",
    "conn_max_age": "600",
    "async_fallback": "true",
    "pool_size": "5",
    "min_protocol_version": "3.2 latest 9",
    "oauth_issuer": "https://issuer.invalid",
}  # fmt: skip
CONTENTS = (
    "",
    "\n",
    " ",
    "\ufeff",
    "{}",
    "[]",
    "null",
    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    "\0",
    "\udcff\udcfe",
)
SETTINGS = {
    "DATABASE_EXPECT": ("primary", "replica", "any", "PRIMARY", "master", ""),
    "DATABASE_POOL_SIZE": ("5", "1", "0", "21", "-1", "5.0", "five", "9" * 5000, "1e3", " 3 "),
    "DATABASE_MAX_OVERFLOW": ("0", "50", "51", "-1", "many"),
    "DATABASE_POOL_RECYCLE": ("3600", "1h", "-1", "0", "never"),
    "DATABASE_ECHO": ("true", "false", "1", "yes", "debug", "echo"),
    "DATABASE_EXTENSIONS": ("pg_trgm", "a,b", "a;drop table x", ","),
    "DATABASE_PORT": ("tcp://10.0.0.1:5432", "udp://10.0.0.1:5432"),
    "DATABASE_SERVICE_HOST": ("10.0.0.1",),
    "DATABASE_PORT_5432_TCP": ("tcp://10.0.0.1:5432",),
    "DATABASE_USERNAME": ("app",),
    "DATABASE_TYPE": ("postgres",),
    "DATABASE_URL_REPLICA": ("postgresql://app@h/app",),
    "METRICS_PORT": ("tcp://10.96.3.4:8080",),
    "LISTEN_PORT": ("tcp://10.96.3.4:8080",),
    "LOG_FORMAT": ("json", "text"),
    "LOG_LEVEL": ("WARN", "debug", "trace", "CRITICAL"),
    "ENVIRONMENT": ("test", "production"),
    "READINESS": ("gate", "off", "latch"),
    "WRITE_PROBE_INTERVAL": ("1",),
    "PGHOST": ("10.0.0.1",),
    "PGSSLMODE": ("verify-full",),
    "PGPASSFILE": ("/nowhere",),
    "PGSERVICE": ("x",),
    "SSLKEYLOGFILE": ("/nowhere/keys",),
    "HOME": ("/nonexistent", ""),
    "HOSTNAME": ("a\nb",),
    "LANG": ("C", "tr_TR.UTF-8"),
    "PYTHONUTF8": ("0",),
}  # fmt: skip


@dataclass(frozen=True)
class Environment:
    """Variables and files, as bytes written in latin-1; a file of None is a directory."""

    variables: dict[str, str]
    files: dict[str, str | None] = field(default_factory=dict)


def raw(text: str) -> str:
    """A text's bytes, where half of a surrogate pair stands for a byte that is not UTF-8."""
    return text.encode("utf-8", "surrogateescape" if _escapes(text) else "surrogatepass").decode("latin-1")


def encoded(text: str, *, safe: str = "") -> str:
    """A text percent-encoded, bytes that are not UTF-8 as well."""
    return quote(raw(text).encode("latin-1"), safe=safe)


def _escapes(text: str) -> bool:
    return all("\udc80" <= letter <= "\udcff" for letter in text if "\ud800" <= letter <= "\udfff")


@st.composite
def queries(draw: st.DrawFn) -> str:
    """What follows a URL's question mark."""
    parts = []
    for _ in range(draw(st.integers(0, 4))):
        name = draw(st.sampled_from(sorted(VALUES)))
        parts.append(f"{name}={draw(st.sampled_from(VALUES[name].split()))}")
    if draw(maybe(5)):
        parts.append(f"{draw(st.sampled_from(['password', 'sslpassword']))}={encoded(draw(secrets()))}")
    if draw(maybe(8)):
        parts.append(encoded(draw(ANY_TEXT), safe="=&;%"))
    return "&".join(parts)


@st.composite
def urls(draw: st.DrawFn) -> str:
    """A database URL; its password is encoded, or holds only what a URL may hold raw."""
    scheme = draw(st.sampled_from([*SCHEMES[:7], *SCHEMES[:2] * 8, *SCHEMES]))
    user = draw(st.sampled_from(USERS))
    password = draw(st.none() | secrets())
    if password is not None:
        password = encoded(password, safe=draw(st.sampled_from(["", "!$&'()*+,;=~-._", ":!$&'()*+,;=~-._"])))
    userinfo = user if password is None else f"{user}:{password}"
    host = draw(st.sampled_from([*HOSTS, *(encoded(each) for each in SOCKETS)]))
    port, database, query = draw(st.sampled_from(PORTS)), draw(st.sampled_from(DATABASES)), draw(queries())
    at, colon = "@" if userinfo or draw(maybe(2)) else "", ":" if port or draw(maybe(9)) else ""
    slash, mark = "/" if database or draw(maybe(2)) else "", "?" if query or draw(maybe(9)) else ""
    return f"{scheme}://{userinfo}{at}{host}{colon}{port}{slash}{database}{mark}{query}"


@st.composite
def wrapped(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> str:
    """A text as tools hand it over: quoted, with a byte order mark, with white space or bytes around it."""
    text = draw(texts)
    if not draw(maybe(3)):
        return text
    before, after = draw(
        st.sampled_from(
            [("", "\n"), ("", "\r\n"), ("\ufeff", ""), ('"', '"'), ("'", "'"), ('"', ""), (" ", " "), ("\n", "\n"),
             ("\udcff", ""), ("", "\udcfe"), ('\ufeff "', '" \n'), ("export DATABASE_URL=", ""), ("psql ", ""),
             ("${", "}"), ("b'", "'"), ("[", "]"), ("<", ">"), ("", " #" + "x" * 3), ("", "\u200b"), ("", ";")],
        )
    )  # fmt: skip
    return f"{before}{text}{after}"


@st.composite
def cut(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> str:
    """A text that lost its beginning or its end."""
    text = draw(texts)
    place = draw(st.integers(0, len(text)))
    return draw(st.sampled_from([text[:place], text[place:]]))


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A whole secret as JSON, as AWS keeps it."""
    found: dict[str, Any] = {"password": draw(secrets())}
    for name, values in {
        "username": ("app", 1, None),
        "host": ("127.0.0.1", "", 5, ["h"], "a b"),
        "port": (5432, "5432", -1, True, 1e9),
        "dbname": ("app", "", None),
        "engine": ("postgres", "aurora-postgresql", "mysql", 7),
        "uri": ("postgresql://app@127.0.0.1/app", "", 3),
    }.items():
        if draw(maybe(2)):
            found[name] = draw(st.sampled_from(values))
    text = json.dumps(found, ensure_ascii=draw(st.booleans()))
    return text[: draw(st.integers(1, len(text)))] if draw(maybe(6)) else text


JUNK: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.just([]) | st.just({}) | st.sampled_from(["", "x"])
)


@st.composite
def objects(draw: st.DrawFn) -> str:
    """A text for DATABASES: an object of entries, or what an application means by that name."""
    if draw(maybe(5)):
        return draw(
            st.sampled_from(
                ["a,b", "[]", "{}", "null", "1", "{", "[" * 5000, '{"a":' * 3000, "default", " {}", '{"a":1,"a":2}']
            )
        )
    keys = (
        "url_file",
        "host",
        "port",
        "name",
        "user",
        "password_file",
        "parameters",
        "expect",
        "required",
        "sslmode",
        "engine",
    )
    found: dict[str, Any] = {}
    for _ in range(draw(st.integers(1, 4))):
        name = draw(
            st.sampled_from(
                ["orders", "a", "b", "primary", "a b", "", "sidecar", "x" * 64, "\n", "unknown", "b\xfc", "__proto__"]
            )
        )
        if draw(st.booleans()):
            found[name] = draw(wrapped(urls()))
            continue
        entry: dict[str, Any] = {"url": draw(urls())} if draw(st.booleans()) else {}
        if draw(maybe(2)):
            entry["password"] = draw(secrets())
        for key in keys:
            if draw(maybe(4)):
                entry[key] = draw(JUNK | part_values(key))
        found[name] = draw(st.sampled_from([entry] * 6 + [[entry], None, 1]))
    text = json.dumps(found, ensure_ascii=draw(st.booleans()))
    return draw(
        st.sampled_from([text] * 6 + [text[:-1], text + ",", text.replace('"', "'"), f'"{text}"', f"\ufeff{text}"])
    )


def part_values(key: str) -> st.SearchStrategy[Any]:
    """Values for a part of an address."""
    return {
        "url_file": st.sampled_from([f"{FILES}/file{n}" for n in range(3)]),
        "password_file": st.sampled_from([f"{FILES}/file{n}" for n in range(3)]),
        "host": st.sampled_from([*HOSTS, *SOCKETS]),
        "port": st.sampled_from([5432, 0, -1, 70000, "5432"]),
        "name": st.sampled_from(DATABASES),
        "user": st.sampled_from(USERS),
        "parameters": queries(),
        "expect": st.sampled_from(["any", "primary", "replica", "leader"]),
        "required": st.booleans(),
    }.get(key, st.just("x"))


def file_names() -> st.SearchStrategy[str]:
    """Paths: of files that exist, and of what else stands where a path belongs, be it the secret itself."""
    existing = st.sampled_from([f"{FILES}/file{n}" for n in range(3)])
    odd = st.sampled_from(
        ["/nowhere", FILES, "/dev/null", "/dev/zero", "/proc/self/mem", "/proc/self/environ", "", " ", "\n", "x" * 5000]
    )
    return existing | existing | existing | odd | secrets() | urls()


def contents() -> st.SearchStrategy[str | None]:
    """Contents of a file, or None for a directory."""
    texts = (
        wrapped(urls()) | cut(urls()) | secrets() | secrets().map(lambda text: text + "\n") | documents() | objects()
    )
    return texts | st.sampled_from(CONTENTS) | st.just(MARK * 150_000) | st.none()


@st.composite
def environments(draw: st.DrawFn) -> Environment:
    """A whole environment."""
    found: dict[str, str] = {}
    makers: dict[str, st.SearchStrategy[str]] = {
        "DATABASE_URL": wrapped(urls()) | wrapped(urls()) | cut(urls()) | documents() | secrets() | ANY_TEXT,
        "DATABASE_URL_FILE": file_names(),
        "DATABASE_HOST": wrapped(st.sampled_from([*HOSTS, *SOCKETS])) | ANY_TEXT,
        "DATABASE_PORT": wrapped(st.sampled_from(PORTS)),
        "DATABASE_NAME": wrapped(st.sampled_from(DATABASES)) | ANY_TEXT,
        "DATABASE_USER": wrapped(st.sampled_from(USERS)) | ANY_TEXT,
        "DATABASE_PASSWORD": wrapped(secrets()) | documents() | st.sampled_from(["", "\n", "$(DB_PASSWORD)", "\udcff"]),
        "DATABASE_PASSWORD_FILE": file_names(),
        "DATABASE_PARAMETERS": queries() | ANY_TEXT,
        "DATABASES": objects() | wrapped(objects()) | ANY_TEXT,
        "DATABASES_FILE": file_names(),
    }
    shape = draw(st.sampled_from(["url", "url", "parts", "parts", "databases", "file", "any"]))
    chances = {
        "url": {"DATABASE_URL": 1, "DATABASE_PASSWORD": 6, "DATABASE_HOST": 6, "DATABASES": 9},
        "parts": {name: 1 if name == "DATABASE_HOST" else 2 for name in makers if name not in {"DATABASE_URL", "DATABASE_URL_FILE", "DATABASES", "DATABASES_FILE"}},
        "databases": {"DATABASES": 1, "DATABASE_URL": 6, "DATABASE_PASSWORD": 9},
        "file": {"DATABASE_URL_FILE": 2, "DATABASES_FILE": 2, "DATABASE_PASSWORD_FILE": 4, "DATABASE_HOST": 4},
        "any": dict.fromkeys(makers, 3),
    }[shape]  # fmt: skip
    for name, chance in chances.items():
        if draw(maybe(chance)):
            found[name] = draw(makers[name])
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.sampled_from(sorted(SETTINGS)))
        found[name] = draw(st.sampled_from(SETTINGS[name]))
    files = {f"file{number}": draw(contents()) for number in range(3) if draw(st.booleans())}
    return Environment(
        {name: raw(value.replace("\0", "")) for name, value in found.items()},
        {name: None if content is None else raw(content) for name, content in files.items()},
    )
