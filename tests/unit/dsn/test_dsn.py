"""URLs as applications use them: their parts, and what is refused."""

import dataclasses
import json
import os
import pickle
import re
import ssl
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from sqlalchemy.engine import make_url

from exporter.dsn import DsnError, Source, document_state, parse
from exporter.dsn.parameters import PARAMETERS, SSL_MODES, Use
from exporter.dsn.split import SCHEMES, split

EVERY_CHARACTER = "".join(chr(code) for code in range(1, 128))


# The forms


@pytest.mark.parametrize(
    "scheme",
    ["postgres", "postgresql", "postgresql+psycopg2", "postgresql+psycopg2cffi", "postgresql+asyncpg", "POSTGRESQL"],
)
def test_every_scheme_of_a_known_library_means_asyncpg(scheme: str) -> None:
    """Every scheme means asyncpg, except psycopg's own."""
    target = parse(f"{scheme}://u:p@h:5433/db")

    assert (target.driver, target.hosts, target.database) == ("asyncpg", (("h", 5433),), "db")
    assert (target.user, target.password) == ("u", "p")


@pytest.mark.parametrize("scheme", ["postgresql+psycopg", "postgresql+psycopg_async"])
def test_psycopg_is_used_where_it_is_named(scheme: str) -> None:
    """`+psycopg` means psycopg where it is installed."""
    assert parse(f"{scheme}://u:p@h/db").driver == "psycopg"


@pytest.mark.parametrize("driver", ["psycopg", "psycopg_async", "psycopg2", "pg8000", "aiopg", "pygresql"])
def test_asyncpg_takes_the_place_of_a_driver_that_is_missing(monkeypatch: pytest.MonkeyPatch, driver: str) -> None:
    """A note names the missing driver, which the application has and the exporter need not have."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    target = parse(f"postgresql+{driver}://h/db")

    assert target.driver == "asyncpg"
    (note,) = target.notes
    assert f"+{driver}, which the exporter does not have" in note


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("postgresql://h/db", [("h", 5432)]),
        ("postgresql://h:/db", [("h", 5432)]),
        ("postgresql://h/d@b", [("h", 5432)]),
        ("postgresql://u:p@h/d%40b", [("h", 5432)]),
        ("postgresql://u@h.example.:1/db", [("h.example.", 1)]),
        ("postgresql://my_db-1/db", [("my_db-1", 5432)]),
        ("postgresql://10.0.0.1:65535", [("10.0.0.1", 65535)]),
        ("postgresql://[::1]/db", [("::1", 5432)]),
        ("postgresql://u:p@[fe80::1%25eth0]:5433/db", [("fe80::1%eth0", 5433)]),
        ("postgresql://h1:1,h2:2/db", [("h1", 1), ("h2", 2)]),
        ("postgresql://u:p@h1,[::1]:2,10.0.0.3/db", [("h1", 5432), ("::1", 2), ("10.0.0.3", 5432)]),
        ("postgresql://u@/db?host=h1&host=h2", [("h1", 5432), ("h2", 5432)]),
        ("postgresql://u@/db?host=h1:1&host=h2:2", [("h1", 1), ("h2", 2)]),
        ("postgresql://u@/db?host=h1,h2&port=1,2", [("h1", 1), ("h2", 2)]),
        ("postgresql://u@/db?host=h1,h2&port=7", [("h1", 7), ("h2", 7)]),
        ("postgresql://u@h:1/db?port=2", [("h", 2)]),
        ("postgresql://u@h:1/db?host=g", [("g", 1)]),
        ("postgresql://u@:6432/db?host=/run/pg", [("/run/pg", 6432)]),
        ("postgresql://u@/db?host=/cloudsql/a:b:c", [("/cloudsql/a:b:c", 5432)]),
        ("postgresql://u@%2Frun%2Fpg/db", [("/run/pg", 5432)]),
        ("postgresql://u@%2Frun%2Fpg:6432/db", [("/run/pg", 6432)]),
        ("postgresql:///db?host=::1", [("::1", 5432)]),
        ("postgresql://?host=h&port=1&user=u&dbname=d", [("h", 1)]),
        ("postgresql:///db", [("/var/run/postgresql", 5432), ("/tmp", 5432), ("localhost", 5432)]),  # as libpq
        ("postgresql://a@/db?host=/run/sock/.s.PGSQL.6432", [("/run/sock", 6432)]),  # the socket's file, as for asyncpg
        ("postgresql://a@/db?host=/run/sock/.s.PGSQL.6432&port=5432", [("/run/sock", 6432)]),
        ("postgresql://:6432/db", [("/var/run/postgresql", 6432), ("/tmp", 6432), ("localhost", 6432)]),
        ("postgresql:///db?hostaddr=10.0.0.1", [("10.0.0.1", 5432)]),
    ],
)
def test_hosts_are_found_wherever_libraries_write_them(url: str, hosts: list[tuple[str, int]]) -> None:
    """Hosts may stand in the authority, as for libpq, or in parameters, as for SQLAlchemy."""
    assert parse(url).hosts == tuple(hosts)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@h:99999/db",
        "postgresql://u:p@h:0/db",
        "postgresql://u:p@h:x/db",
        "postgresql://u:p@h h/db",
        "postgresql://u:p@[zz]/db",
        "postgresql://u:p@[::1/db",
        "postgresql://u:p@h/db?port=x",
        "postgresql://u:p@h/db?port=" + "9" * 5000,
        "postgresql://u:p@h1,h2/db?port=1,2,3",
        "postgresql://u:p@h/db?host=a%20b",
        "postgresql://u:p@h%00/db",
        "postgresql://u:p%00@h/db",
        "postgresql://u:p%ff@h/db",
        "postgresql://u:p@h/db?options=%00",
        "postgresql:u:p@h/db",
        "postgresql",
        "'postgresql://u:p@h/db'",
        "jdbc:postgresql://h/db",
        "mysql+pymysql://u:p@h/db",
        "",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    """It raises one type of error, with a message of one line."""
    with pytest.raises(DsnError) as error:
        parse(url)
    assert "\n" not in str(error.value)


def test_user_and_database_have_libpqs_defaults() -> None:
    """The user defaults to the process's own, the database to the user's name."""
    import pwd

    name = pwd.getpwuid(os.geteuid()).pw_name

    assert (parse("postgresql://h").user, parse("postgresql://h").database) == (name, name)
    assert parse("postgresql://u@h/").database == "u"


def test_a_process_without_a_name_must_be_told_a_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's arbitrary uid has no user name to default to."""
    monkeypatch.setattr("os.geteuid", lambda: 54321)

    with pytest.raises(DsnError, match="postgresql://USER@HOST/DATABASE"):
        parse("postgresql://h/db")


# Passwords


def test_a_password_holds_any_character() -> None:
    """A password may be percent-encoded, or raw at least as far as SQLAlchemy accepts it."""
    for character in EVERY_CHARACTER:
        password = f"a{character}b"
        raw = f"postgresql://us:{password}@h:1/db?sslmode=require"

        assert parse(f"postgresql://us:{quote(password, safe='')}@h:1/db").password == password
        assert parse(raw).password == password
        assert (parse(raw).hosts, parse(raw).database, parse(raw).sslmode) == ((("h", 1),), "db", "require")
        if character != "@":
            assert make_url(raw).password == password
        assert Source(host="h", password=password).target().password == password


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:1234/x@h/db",
        "postgresql://u:p/a?b#c@h/db",
        "postgresql://u:p?sslmode@h/db",
        "postgresql://u:@h/db",
        "postgresql://u@h/db",
        "postgresql://u:100%@h/db",
        "postgresql://u:a+b@h/a+b",
        "postgresql://%75:%70@h/%64",
        "postgresql://u:p@h/db?application_name=a@b",
        "postgresql://u:p@h/a/b?application_name=a+b",
        "postgresql://u:p@/db?host=h",
        "postgresql://u:p@h/",
    ],
)
def test_a_url_means_what_it_means_to_sqlalchemy(url: str) -> None:
    """The application uses the same variable with SQLAlchemy."""
    theirs, ours = make_url(url), parse(url)

    assert ours.user == theirs.username
    assert ours.password == (theirs.password or "")
    assert ours.database == (theirs.database or "u")
    assert ours.hosts == ((theirs.host or "h", 5432),)
    assert ours.application_name == theirs.query.get("application_name", "db-health-exporter")


@pytest.mark.parametrize(
    ("url", "password", "host"),
    [
        ("postgresql://u:p@ss@h/db", "p@ss", "h"),
        ("postgresql://u:@@@h/db", "@@", "h"),
        ("postgresql://u:p@ss?word=1@h/db", "p@ss?word=1", "h"),
        ("postgresql://h:5432/db?application_name=a@b", "", "h"),
        ("postgresql://u@h/db?password=p@ss", "p@ss", "h"),
        ("postgresql://u:x@h/db?password=p%26q", "p&q", "h"),
    ],
)
def test_a_raw_at_sign_is_understood_where_only_one_reading_makes_sense(
    url: str,
    password: str,
    host: str,
) -> None:
    """This accepts more than SQLAlchemy does."""
    target = parse(url)

    assert (target.password, target.hosts[0][0], target.database) == (password, host, "db")


def test_nothing_shows_a_password() -> None:
    """No repr, str or format of target, source or parts shows a secret in any place."""
    url = "postgresql+psycopg://u:hunter2@h/db?sslpassword=hunter3&scram_client_key=hunter4&sslcert=/c"
    things = [parse(url), Source(url=url, password="hunter2", host="h", parameters="sslpassword=hunter3"), split(url)]

    assert not any("hunter" in shown for thing in things for shown in (repr(thing), str(thing), f"{thing}"))


# Parameters


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg"])
def test_what_means_nothing_to_a_probe_is_dropped_for_a_reason(scheme: str) -> None:
    """The target is the same as without the parameter."""
    for name in [name for name, known in PARAMETERS.items() if known.use is Use.IGNORED]:
        assert PARAMETERS[name].why
        assert parse(f"{scheme}://u@h/db?{name}=x") == parse(f"{scheme}://u@h/db")


@pytest.mark.parametrize("name", ["dbhealth_address", "dbhealth_pool", "pool_size", "pool_timeout", "pool_max_conns"])
def test_parameters_of_the_reporter_and_of_pools_are_dropped(name: str) -> None:
    """The application and the exporter share one URL."""
    assert parse(f"postgresql://u@h/db?plugin=dbhealth&{name}=x") == parse("postgresql://u@h/db")


@pytest.mark.parametrize("name", ["service", "servicefile"])
def test_an_address_in_another_place_is_refused_with_advice(name: str) -> None:
    """Both drivers refuse it."""
    with pytest.raises(DsnError, match=f"parameter {name}: .+"):
        parse(f"postgresql+psycopg://u@h/db?{name}=x")


def test_a_replication_connection_is_not_asked_for() -> None:
    """A replication connection could not run a probe; a note says that the parameter is left out."""
    target = parse("postgresql://u@h/db?replication=database")

    assert target == parse("postgresql://u@h/db")
    assert "replication, which is left out" in target.notes[0]


@pytest.mark.parametrize(("value", "mode"), [("1", "require"), ("0", "prefer")])
def test_an_old_word_for_tls_still_asks_for_it(value: str, mode: str) -> None:
    """An old parameter for TLS sets the mode, so that TLS is never weakened."""
    assert parse(f"postgresql://u@h/db?requiressl={value}").sslmode == mode


PROTECTING = {"gssencmode=require", "sslcertmode=require", "require_auth=1", "requirepeer=1"}


@pytest.mark.parametrize("name", [name for name, known in PARAMETERS.items() if known.use is Use.LIBPQ])
def test_a_parameter_of_libpq_alone_is_honoured_by_psycopg(name: str) -> None:
    """With asyncpg it is left out with a note, or refused where the connection would be less protected."""
    known = PARAMETERS[name]
    values = known.values or ("1",)
    for value in values:
        url = f"://u@h/db?{name}={value}"
        assert parse(f"postgresql+psycopg{url}").connect_arguments()[name] == value
        if known.asyncpg is None or value in known.asyncpg:
            assert parse(f"postgresql{url}").connect_arguments() == parse("postgresql://u@h/db").connect_arguments()
        elif f"{name}={value}" in PROTECTING:
            with pytest.raises(DsnError, match=f"{name}, which .* protects"):
                parse(f"postgresql{url}")
        else:
            target = parse(f"postgresql{url}")
            assert target == parse("postgresql://u@h/db")
            assert f"{name}, which is left out" in target.notes[0]


@pytest.mark.parametrize("name", [name for name, known in PARAMETERS.items() if known.values])
def test_a_wrong_value_of_a_parameter_names_the_right_ones(name: str) -> None:
    """The message lists the allowed values, and does not repeat the wrong one."""
    with pytest.raises(DsnError, match=name) as error:
        parse(f"postgresql+psycopg://u@h/db?{name}=never-ever")
    values = SSL_MODES if name in {"sslmode", "ssl"} else PARAMETERS[name].values  # libpq's words will do
    assert all(value in str(error.value) for value in values)
    assert "never-ever" not in str(error.value)


def test_every_parameter_of_libpq_is_known() -> None:
    """Every parameter in libpq's own list is known."""
    names = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}

    assert names - set(PARAMETERS) == set()


def test_psycopg_takes_every_argument() -> None:
    """Libpq itself accepts the names of all arguments."""
    left_out = {"sslmode", "ssl", "direct_tls", "sslcert", "sslkey", "sslrootcert", "sslcrl", "hostaddr"}
    every = "&".join(
        f"{name}={(known.values or ('1',))[-1]}"
        for name, known in PARAMETERS.items()
        if known.use not in (Use.REFUSED, Use.LEFT_OUT) and name not in left_out
    )
    arguments = parse(f"postgresql+psycopg://u@h/db?sslmode=require&{every}").connect_arguments()
    arguments.pop("prepare_threshold")

    assert psycopg.conninfo.make_conninfo(**arguments)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://u@h/db?password=a&hunter2=x", "parameter number 2"),
        ("postgresql://u:a@b?hunter2=1@h h/db", "parameter number 1"),
        ("postgresql://u:hunter2@h h/db", "form"),
        ("postgresql://u:5?hunter2=1", "parameter number 1"),
    ],
)
def test_what_may_be_a_piece_of_a_password_is_refused(url: str, words: str) -> None:
    """The message is one line that does not repeat the piece."""
    with pytest.raises(DsnError) as error:
        parse(url)
    assert words in str(error.value)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("sslmode=verify-full", "sslrootcert"),
        ("sslmode=verify-ca", "sslrootcert"),
        ("sslmode=require&sslrootcert=system", "verify-full"),
        ("sslnegotiation=direct", "sslmode=require"),
        ("sslkey=/k", "sslcert"),
        ("ssl_min_protocol_version=TLSv1.3&ssl_max_protocol_version=TLSv1.2", "below"),
        ("hostaddr=10.0.0.1&sslmode=verify-full&sslrootcert=system", "hostaddr"),
        ("hostaddr=10.0.0.1,10.0.0.2", "hostaddr"),
    ],
)
def test_contradictions_are_refused(query: str, words: str) -> None:
    """The message says what to add or to leave out."""
    with pytest.raises(DsnError, match=words):
        parse(f"postgresql://u@h/db?{query}")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("workaround=supabase-pooler.vercel", 'unknown parameter "workaround"'),
        ("currentSchema=app", 'unknown parameter "currentSchema"'),
        ("statement_timeout=5000", "options=-c"),
        ("hunter%202=1", "unknown parameter number 1"),
        ("channel_binding=require", "asks for no channel binding"),
        ("connect_timeout=soon", "connect_timeout"),
        ("connect_timeout=nan", "connect_timeout"),
    ],
)
def test_an_address_is_used_without_what_nobody_understands(query: str, words: str) -> None:
    """A note names each unknown parameter that is left out."""
    target = parse(f"postgresql://u@h/db?{query}")

    assert target == parse("postgresql://u@h/db")
    (note,) = target.notes
    assert words in note


@pytest.mark.parametrize(
    ("query", "mode"),
    [
        ("", "prefer"),
        ("ssl=require", "require"),
        ("ssl=true", "require"),
        ("ssl=false", "disable"),
        ("sslmode=allow", "allow"),
        ("sslrootcert=system", "verify-full"),
        ("sslmode=", "prefer"),
    ],
)
def test_tls_is_asked_for_in_libpqs_words_or_sqlalchemys(query: str, mode: str) -> None:
    """`prefer` is libpq's default."""
    assert parse(f"postgresql://u@h/db?{query}").sslmode == mode


def test_little_is_sent_unless_it_was_asked_for() -> None:
    """PgBouncer refuses unknown start-up parameters."""
    plain = parse("postgresql://u@h/db").connect_arguments()
    rich = parse("postgresql://u@h/db?application_name=x&options=-c%20a=b&connect_timeout=3").connect_arguments()

    assert plain["server_settings"] == {"application_name": "db-health-exporter"}
    assert (plain["statement_cache_size"], plain["direct_tls"]) == (0, False)
    assert rich["server_settings"] == {"application_name": "x", "options": "-c a=b"}
    assert rich["timeout"] == 3


def test_hosts_are_tried_in_random_order_where_asked() -> None:
    """`load_balance_hosts=random` works as in libpq."""
    target = parse("postgresql://u@" + ",".join(f"h{n}" for n in range(9)) + "/db?load_balance_hosts=random")

    assert len({tuple(target.connect_arguments()["host"]) for _ in range(20)}) > 1


# Files


def test_files_are_read_anew_each_time(tmp_path: Path) -> None:
    """A rotated secret is used for the next connection, without a newline at its end."""
    url, password = tmp_path / "url", tmp_path / "password"
    url.write_text("postgresql://u:old@h/db\n")
    password.write_text("first\n")
    source, overridden = Source(url_file=str(url)), Source(url_file=str(url), password_file=str(password))

    assert (source.target().password, overridden.target().password) == ("old", "first")
    url.write_text("postgresql://u:new@g/db?password=newer\r\n")
    password.write_text(EVERY_CHARACTER + "\n\r\n")
    assert (source.target().password, source.target().hosts) == ("newer", (("g", 5432),))
    assert overridden.target().password == EVERY_CHARACTER + "\n"
    password.unlink()
    with pytest.raises(DsnError, match="DATABASE_PASSWORD_FILE names a file that does not exist"):
        overridden.target()


def test_a_source_passes_a_pipe_and_a_pickle() -> None:
    """A source passes as JSON from the settings' process to the serving one."""
    source = Source(host="h", port=1, user="u", password="p\udce9", parameters="sslmode=require")

    assert Source(**json.loads(json.dumps(dataclasses.asdict(source)))) == source
    assert pickle.loads(pickle.dumps(source)) == source


@pytest.mark.parametrize("name", ["sslrootcert", "sslcert", "sslcrl"])
@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg"])
def test_a_missing_certificate_is_named_and_counts_as_tls(tmp_path: Path, scheme: str, name: str) -> None:
    """It does not count as a missing socket, which raises the same error of the operating system."""
    target = parse(f"{scheme}://u@h/db?sslmode=require&{name}={tmp_path}/none")

    with pytest.raises(DsnError, match=f"has {name}, which names a file that does not exist") as error:
        target.connect_arguments()
    assert isinstance(error.value.__cause__, ssl.SSLError)


@pytest.mark.parametrize("name", ["sslrootcert", "sslcert", "sslcrl"])
def test_a_broken_certificate_is_named_and_counts_as_tls(tmp_path: Path, name: str) -> None:
    """The cause of the error makes it `tls`."""
    (tmp_path / "pem").write_text("no certificate")

    with pytest.raises(DsnError, match=f"has {name}") as error:
        parse(f"postgresql://u@h/db?sslmode=require&{name}={tmp_path}/pem").connect_arguments()
    assert isinstance(error.value.__cause__, ssl.SSLError)


# Real servers


@pytest.mark.parametrize("password", ["S3cr3tP@w/x#y9", "a@b/Zq9"])
def test_no_piece_of_a_password_becomes_a_name(password: str) -> None:
    """A raw @ before a raw slash is ambiguous: it is refused, and the message repeats nothing of it."""
    with pytest.raises(DsnError, match="percent-encode") as caught:
        parse(f"postgresql://app:{password}@127.0.0.1:25432/app")

    assert password.partition("/")[2] not in str(caught.value)


def test_an_address_that_cannot_be_used_names_no_server() -> None:
    """Nor a database, nor notes; the driver is the usual one."""
    source = Source(url="mysql://db.example.com/app?colour=1")

    assert (source.server(), source.database(), source.notes(), source.driver()) == ("", None, (), "asyncpg")
    assert Source(url="postgresql://db.example.com/app").server() == "db.example.com:5432"


@pytest.mark.parametrize(
    ("entry", "setting"),
    [
        ('"postgresql://u@h/a?colour=1"', "url"),
        ('{"url": "postgresql://u@h/a?colour=1"}', "url"),
        ('{"host": "h", "user": "u", "parameters": "colour=1"}', "host"),
    ],
)
def test_a_note_names_the_key_in_the_file_of_databases(tmp_path: Path, entry: str, setting: str) -> None:
    """The key that holds the address of that entry, not one that it has not."""
    file = tmp_path / "databases"
    file.write_text(f'{{"orders": {entry}}}')

    (note,) = Source(entry="orders", document=str(file)).notes()

    assert note.startswith(f'DATABASES: "orders": {setting} has an unknown parameter "colour"')


def test_a_file_with_a_problem_is_watched_for_changes(tmp_path: Path) -> None:
    """Whatever becomes of it; one without a problem is not watched."""
    file = tmp_path / "databases"
    missing = Source(problem="x", document=str(file), document_state=document_state(str(file)))
    assert not missing.has_changed()
    file.write_text("{")
    assert missing.has_changed()
    broken = Source(problem="x", document=str(file), document_state=document_state(str(file)))
    assert not broken.has_changed()
    file.write_text("{}")
    assert broken.has_changed()
    assert not Source(document=str(file), entry="orders").has_changed()


@pytest.mark.parametrize(
    ("query", "mode"),
    [
        ("sslmode=REQUIRE", "require"),
        ("sslmode=no-verify", "require"),
        ("ssl=no-verify", "require"),
        ("ssl=True", "require"),
        ("sslmode=false", "disable"),
        ("sslMode=Verify-CA&sslRootCert=system2", "verify-ca"),
        ("tls=true", "require"),
        ("sslmode=require&sslaccept=accept_invalid_certs", "require"),
    ],
)
def test_other_libraries_words_for_tls(query: str, mode: str) -> None:
    """None of them is left out, which would protect the connection less; no note is needed."""
    target = parse(f"postgresql://u@h/db?{query}")

    assert (target.sslmode, target.notes) == (mode, ())


def test_strictness_that_only_prisma_knows_is_refused() -> None:
    """It asks for verification: without a certificate to verify with, nothing is connected."""
    with pytest.raises(DsnError, match="sslaccept=strict"):
        parse("postgresql://u@h/db?sslmode=require&sslaccept=strict")

    strict = "sslmode=verify-full&sslrootcert=system&sslaccept=strict"
    assert parse(f"postgresql://u@h/db?{strict}").sslmode == "verify-full"


@pytest.mark.parametrize("scheme", ["pgsql", "psql", "postgis", "timescale", "timescaledb", "POSTGRES"])
def test_schemes_of_django_and_timescale(scheme: str) -> None:
    """They are PostgreSQL by other names."""
    assert parse(f"{scheme}://u:p@h/d") == parse("postgresql://u:p@h/d")


@pytest.mark.parametrize(
    ("text", "password"),
    [
        ("host=h port=5433 dbname=d user=u password=secret sslmode=require", "secret"),
        ("  host = h  port=5433 dbname='d' user=u password='a b' sslmode=require ", "a b"),
        ("user=u password='it\\'s' host=h port=5433 dbname=d sslmode=require", "it's"),
        ("user=u password=a\\ b host=h port=5433 dbname=d sslmode=require", "a b"),
    ],
)
def test_keywords_and_values_as_libpq_takes_them(text: str, password: str) -> None:
    """The form of psql, psycopg and Go's drivers."""
    target = parse(text)

    assert (target.hosts, target.database, target.user) == ((("h", 5433),), "d", "u")
    assert (target.password, target.sslmode) == (password, "require")
    assert psycopg.conninfo.conninfo_to_dict(text)["password"] == password


@pytest.mark.parametrize(
    "text",
    [
        "Host=h;Username=u;Password=hunter2;Database=d",
        "host=h password='hunter2",
        "colour=hunter2",
        "password=hunter2",
        "host=h hunter2",
        "host=h colour=1 password=hunter2",
    ],
)
def test_other_forms_are_refused_without_a_word_of_them(text: str) -> None:
    """They may hold a password."""
    with pytest.raises(DsnError) as error:
        parse(text)
    assert re.search("must start with postgresql://|has a host name with a character", str(error.value))
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("postgres://u@//cloudsql/p:r:i/d", "/cloudsql/p:r:i"),
        ("postgresql+pg8000://u@/d?unix_sock=/cloudsql/p:r:i/.s.PGSQL.5432", "/cloudsql/p:r:i"),
        ("postgresql://u@/d?host=/cloudsql/p:r:i", "/cloudsql/p:r:i"),
    ],
)
def test_sockets_as_frameworks_write_them(url: str, folder: str) -> None:
    """The address would be another one without it."""
    target = parse(url)

    assert (target.hosts, target.database) == (((folder, 5432),), "d")


@pytest.mark.parametrize(
    "form", ["{}\n", "DATABASE_URL={}", 'export DB_URL="{}"', "\u201c{}\u201d", "\u200b{}", "\ufeff'{}'"]
)
def test_a_line_of_a_file_as_a_whole(form: str) -> None:
    """As people copy it."""
    url = "postgresql://u:p=w@h/d"

    assert Source(url=form.format(url)).target().password == "p=w"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://u:${DB_PASSWORD}@h/d", "${DB_PASSWORD}"),
        ("postgresql://u:${DB_PASSWORD:-hunter2}@h/d", "${DB_PASSWORD}"),
        ("postgresql://u:{{ .Values.hunter2 }}@h/d", "{{...}}"),
        ("postgresql://u:hunter2@h/d\nOTHER=1", "line break"),
        ("postgresql://u:$DB_HUNTER2@h/d", "a variable of a shell"),
        ("postgresql://$DB_USER:hunter2@$DB_HOST/d", "a variable of a shell"),
        ("postgresql://u:${hunter2}@h/d", "a variable of a shell"),
        ("postgresql://hunter2:<no value>@h/d", "where a template had no value"),
        ("postgresql://hunter2:%!s(<nil>)@h/d", "where a template had no value"),
    ],
)
def test_what_nothing_has_filled_in_is_never_sent(url: str, words: str) -> None:
    """A template's variable would be a password that the server refuses, again and again."""
    with pytest.raises(DsnError) as error:
        Source(url=url).target()
    assert words in str(error.value)
    assert "hunter2" not in str(error.value).lower()


@pytest.mark.parametrize(
    "password", ["a${b}c", "$PATH", "{{", "{{}}", "${", "{a}", "${a-b}", "a$DB_HOST", "$A_b", "<nil"]
)
def test_passwords_that_only_look_alike_are_sent(password: str) -> None:
    """Only the usual capitals are a variable."""
    assert Source(host="h", password=password).target().password == password


@pytest.mark.parametrize("scheme", SCHEMES.split())
def test_schemes_of_whatever_uses_postgresqls_protocol(scheme: str) -> None:
    """A driver's name may be the package's."""
    target = parse(f"{scheme}+psycopg2-binary://u@h:26257/d")

    assert (target.driver, target.hosts) == ("asyncpg", (("h", 26257),))


@pytest.mark.parametrize(
    ("query", "mode"),
    [
        ("sslmode=prefer&ssl=true", "require"),
        ("ssl=false&sslmode=require", "require"),
        ("sslmode=verify-full&ssl=true&sslrootcert=system", "verify-full"),
        ("sslmode=require&sslmode=require", "require"),
        ("SSL%20Mode=Require", "require"),
        ("ssl_mode=REQUIRED", "require"),
        ("ssl-mode=VERIFY_IDENTITY&sslrootcert=system", "verify-full"),
        ("a=1&amp;sslmode=require", "require"),
        (r"a=1\u0026sslmode=require", "require"),
        ("conn_max_age=60&ssl_require=true", "require"),
        ("ssl_context=True", "require"),
        ("?sslmode=require", "require"),
    ],
)
def test_tls_that_is_asked_for_in_any_way_is_asked_for(query: str, mode: str) -> None:
    """The stricter of two words counts, whoever's they are."""
    assert parse(f"postgresql://u@h/d?{query}").sslmode == mode


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("sslmode=verify-full&sslmode=disable&sslrootcert=system", "has sslmode twice"),
        ("ssl=true&ssl=false", "has ssl twice"),
        ("sslrootcert=/a&sslrootcert=/b", "has sslrootcert twice"),
        ("ssl_cert_reqs=CERT_REQUIRED", "may ask for TLS"),
        ("sslfactory=x", "may ask for TLS"),
        ("TLSMode=x", "may ask for TLS"),
    ],
)
def test_what_may_ask_for_tls_is_never_left_out(query: str, says: str) -> None:
    """A connection that is less protected than it was meant to be is worse than none."""
    with pytest.raises(DsnError, match=says):
        parse(f"postgresql://u@h/d?{query}")


@pytest.mark.parametrize(
    "value", ["<password>", "[YOUR-PASSWORD]", "[your_password]", "<DB_PASSWORD>", "<your-password>"]
)
def test_a_placeholder_is_named_and_never_sent(value: str) -> None:
    """Hosts close their doors to an address that sends wrong passwords."""
    for source in (Source(url=f"postgresql://u:{value}@h/d"), Source(host="h", password=value)):
        with pytest.raises(DsnError, match="the placeholder"):
            source.target()


@pytest.mark.parametrize("password", ["<3", "<secret>", "[x]", "pass<word>"])
def test_a_password_in_brackets_is_sent(password: str) -> None:
    """Only what consoles show is a placeholder."""
    assert Source(host="h", password=password).target().password == password


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (Source(host="tcp://10.0.0.1:5432"), "begins with a scheme"),
        (Source(url="postgresql://u:p@tcp://10.0.0.1:5432/d"), "begins with a scheme"),
        (Source(host="postgresql://u:hidden@h/d"), "holds a whole URL in the place of a host"),
    ],
)
def test_a_url_in_a_hosts_place_is_named_as_such(source: Source, says: str) -> None:
    """Kubernetes gives NAME_PORT=tcp://... to every pod; nobody means an IPv6 address by it."""
    with pytest.raises(DsnError, match=says) as refused:
        source.target()
    assert "hidden" not in str(refused.value)
