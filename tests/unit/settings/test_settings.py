"""The settings: accepted and refused values, and no secret in a message."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from exporter.settings import model as settings
from exporter.settings.config import Config
from exporter.settings.durations import parse_duration
from exporter.settings.flags import flag, is_secret
from exporter.settings.model import Settings

ROOT = Path(__file__).parents[3]
URL = {"DATABASE_URL": "postgresql://app:pw@db.example/app"}
HOST = {"DATABASE_HOST": "db.example"}
SECRET = "Zq7{}Xw9"

TIMES = ("nan", "inf", "-1", "fast", "1e3", "5 weeks", "99999999", "1,5", "0x1")
NUMBERS = ("-1", "99", "many", "1.5", "2.0", "1_0", "nan", "1e1")
PORTS = ("-1", "65536", "http", "80.5", "9850.0", "9_8")
MISSING = "/nowhere/at/all"
WRONG: dict[str, tuple[str, ...]] = {
    "DATABASE_URL": (
        "app",
        "mysql://h/db",
        "http://h/db",
        "postgresql://h:port/db",
        "postgresql://h/db?service=x",
    ),
    "DATABASE_URL_FILE": (MISSING, "/", "/dev/null"),
    "DATABASE_HOST": ("a b", "h:99999", "[::zz]", "h/db", "user@h"),
    "DATABASE_PORT": ("0", *PORTS),
    "DATABASE_NAME": (),  # any text is a name
    "DATABASE_USER": (),
    "DATABASE_PASSWORD": (),
    "DATABASE_PASSWORD_FILE": (MISSING, "/", "/dev/null"),
    "DATABASE_PARAMETERS": ("sslmode=maybe", "sslmode=verify-ca", "service=x"),
    "DATABASES": ("{", "[]", "{}", '"x"', '{"a b": "postgresql://h/x"}', '{"a": 1}', '{"a": {}}'),
    "DATABASES_FILE": (MISSING, "/", "/dev/null"),
    "DATABASE_POOL_SIZE": ("0", "21", *NUMBERS),
    "DATABASE_MAX_OVERFLOW": ("51", *NUMBERS),
    "DATABASE_POOL_RECYCLE": ("0", *TIMES),
    "DATABASE_ECHO": ("maybe", "2"),
    "DATABASE_EXTENSIONS": ("vector;drop", "a b", "1st"),
    "DATABASE_EXPECT": ("standby", "master"),
    "ENVIRONMENT": (),  # an application's own word
    "PROBE_INTERVAL": ("0", *TIMES),
    "PROBE_TIMEOUT": ("0", "0.01", "11", *TIMES),
    "FRESH_PROBE_INTERVAL": ("0.01", *TIMES),
    "WRITE_PROBE_INTERVAL": ("0.01", *TIMES),
    "HEALTH_MAX_AGE": ("3601", *TIMES),
    "READINESS": ("on", "true"),
    "LISTEN_HOST": ("not an address", "1.2.3", "http://x", "::zz"),
    "LISTEN_PORT": PORTS,
    "METRICS_PORT": PORTS,
    "WEB_CONFIG_FILE": ("/etc/web.yaml",),
    "APP_POOL_LISTEN": ("9851", "h:99999", "unix:relative", "h:1/tcp", "1.2.3:5", ":9851"),
    "APP_POOL_SOURCES": ("shop", "10.0.0", "10.0.0.0/33", "10.0.0.1 10.0.0.2"),
    "APP_POOL_TTL": ("0", *TIMES),
    "APP_POOL_WEDGED_AFTER": ("0", *TIMES),
    "POD_IP": ("localhost", "1.2.3", "10.0.0.1/24"),
    "LOG_FORMAT": ("xml",),
    "LOG_LEVEL": ("loud", "$(LEVEL)"),
}
# Further settings, without which the tried one would not be the only wrong one.
BESIDE = {
    "DATABASE_PORT": HOST,
    "DATABASE_NAME": HOST,
    "DATABASE_USER": HOST,
    "DATABASE_PARAMETERS": HOST,
}
ALONE = {"DATABASE_URL", "DATABASE_URL_FILE", "DATABASE_HOST", "DATABASES", "DATABASES_FILE"}


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the machine's own settings from the environment."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


class Parsed:
    """Parses settings in this process, where thousands of cases take seconds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        """Keep pytest's fixtures."""
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *arguments: str, **environment: str) -> Config:
        """The values."""
        status, out, err = self.outcome(*arguments, **environment)
        assert (status, err) == (0, "")
        return Config.from_json(out)

    def refused(self, *arguments: str, **environment: str) -> str:
        """The line of the error message."""
        status, out, err = self.outcome(*arguments, **environment)
        assert (status, out) == (2, "")
        assert err.startswith("db-health-exporter: ")
        assert err.count("\n") == 1
        assert err.endswith("\n")
        return err

    def outcome(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        """Exit status, output and errors."""
        with self._monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            status = settings.main(arguments)
        return status, *self._capsys.readouterr()


@pytest.fixture
def parse(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Parsed:
    """Settings from an environment and flags."""
    return Parsed(monkeypatch, capsys)


def everything_else(name: str) -> Mapping[str, str]:
    """Valid settings beside the tried one."""
    return {} if name in ALONE else BESIDE.get(name, URL)


def test_no_setting_is_left_out_of_these_tests() -> None:
    """Every setting has its wrong values in the table above."""
    assert set(WRONG) == {name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param(name, value, marks=[pytest.mark.extended] if beyond else [])
        for name in WRONG
        for beyond, value in enumerate(WRONG[name])
    ],
)
def test_a_wrong_value_is_one_line_naming_the_setting(parse: Parsed, name: str, value: str) -> None:
    """Status 2, one line, the variable's name, and nothing of the value."""
    line = parse.refused(**everything_else(name), **{name: value})

    assert f" {name} " in line or f" {name}: " in line
    if len(value) > 5 and "verify" not in value:
        assert value not in line


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", [name for name in WRONG if WRONG[name] and name not in {*ALONE, *BESIDE}])
def test_a_flag_is_refused_like_its_variable(parse: Parsed, name: str) -> None:
    """A flag takes no value that its variable does not."""
    wrong = WRONG[name][0]

    assert parse.refused(f"{flag(name.lower())}={wrong}", **URL) == parse.refused(**URL, **{name: wrong})


def test_several_wrong_settings_are_named_in_one_line(parse: Parsed) -> None:
    """One message names all wrong settings."""
    line = parse.refused(**URL, PROBE_INTERVAL="x", LOG_LEVEL="y", READINESS="z")

    assert all(name in line for name in ("PROBE_INTERVAL", "LOG_LEVEL", "READINESS"))


def test_defaults_are_the_contracts(parse: Parsed) -> None:
    """Nothing but a URL is needed."""
    found = dataclasses.asdict(parse(**URL))
    databases = found.pop("databases")

    assert [(one["name"], one["expect"], one["required"]) for one in databases] == [("app", "any", True)]
    assert found == {
        "pool_size": 5,
        "max_overflow": 10,
        "pool_recycle": 3600,
        "echo": False,
        "extensions": (),
        "environment": "production",
        "probe_interval": 5,
        "probe_timeout": 0.8,
        "fresh_probe_interval": 60,
        "write_probe_interval": 0,
        "health_max_age": 1,
        "readiness": "latch",
        "listen_host": None,
        "listen_port": 9850,
        "metrics_port": None,
        "web_config_file": None,
        "app_pool_listen": "127.0.0.1:9851/udp",
        "app_pool_sources": (),
        "app_pool_ttl": 15,
        "app_pool_wedged_after": 30,
        "pod_ip": None,
        "log_format": "text",
        "log_level": "info",
        "notes": (),
    }


def test_each_variable_and_each_flag_reaches_its_value(parse: Parsed) -> None:
    """One value for each setting, by both ways alike."""
    given = {
        "DATABASE_POOL_SIZE": ("20", "pool_size", 20),
        "DATABASE_MAX_OVERFLOW": ("0", "max_overflow", 0),
        "DATABASE_POOL_RECYCLE": ("2h", "pool_recycle", 7200),
        "DATABASE_ECHO": ("true", "echo", True),
        "DATABASE_EXTENSIONS": ("vector, pg_trgm,", "extensions", ("vector", "pg_trgm")),
        "ENVIRONMENT": ("Test", "environment", "test"),
        "PROBE_INTERVAL": ("500ms", "probe_interval", 0.5),
        "PROBE_TIMEOUT": ("1", "probe_timeout", 1),
        "FRESH_PROBE_INTERVAL": ("0", "fresh_probe_interval", 0),
        "WRITE_PROBE_INTERVAL": ("1m", "write_probe_interval", 60),
        "HEALTH_MAX_AGE": ("0", "health_max_age", 0),
        "READINESS": ("GATE", "readiness", "gate"),
        "LISTEN_HOST": ("::1", "listen_host", "::1"),
        "LISTEN_PORT": ("80", "listen_port", 80),
        "METRICS_PORT": ("81", "metrics_port", 81),
        "APP_POOL_LISTEN": ("0.0.0.0:1", "app_pool_listen", "0.0.0.0:1/udp"),
        "APP_POOL_SOURCES": ("10.1.2.3, 172.16.0.1/12,", "app_pool_sources", ("10.1.2.3/32", "172.16.0.0/12")),
        "APP_POOL_TTL": ("7.5s", "app_pool_ttl", 7.5),
        "APP_POOL_WEDGED_AFTER": (".5", "app_pool_wedged_after", 0.5),
        "POD_IP": ("10.0.0.1", "pod_ip", "10.0.0.1"),
        "LOG_FORMAT": ("json", "log_format", "json"),
        "LOG_LEVEL": ("Debug", "log_level", "debug"),
    }

    by_variable = parse(**URL, **{name: text for name, (text, _, _) in given.items()})
    flags = [word for name, (text, _, _) in given.items() for word in (flag(name.lower()), text)]
    flags.remove("true")  # --database-echo stands alone
    by_flag = parse(*flags, **URL)

    assert by_flag == by_variable
    assert {field: getattr(by_flag, field) for _, field, _ in given.values()} == {
        field: value for _, field, value in given.values()
    }


def test_a_flag_counts_before_its_variable_and_empty_means_not_given(parse: Parsed) -> None:
    """A flag overrides its variable; an empty value counts as not given."""
    found = parse("--probe-interval", "7", "--log-level=", **URL, PROBE_INTERVAL="9", LOG_LEVEL="", METRICS_PORT="")

    assert (found.probe_interval, found.log_level, found.metrics_port) == (7, "info", None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("60s", 60),
        ("1m", 60),
        ("0.5", 0.5),
        ("500ms", 0.5),
        (" 2 h ", 7200),
        ("1d", 86400),
        ("100ms", 0.1),
        ("5.", 5),
    ],
)
def test_durations_are_written_as_people_write_them(text: str, seconds: float) -> None:
    """A number of seconds, or a number with its unit."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "-1s", "1 s s", "nan", "inf", "1e3", "1_0", "٣", "1m30s", ".", "9" * 5000])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """An ambiguous duration is refused."""
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("off", "off"),
        ("unix:/run/pool.sock", "unix:/run/pool.sock"),
        ("127.0.0.1:9851", "127.0.0.1:9851/udp"),
        ("127.0.0.1:9851/udp", "127.0.0.1:9851/udp"),
        ("[::1]:9851", "[::1]:9851/udp"),
        ("localhost:0", "localhost:0/udp"),
    ],
)
def test_reports_are_awaited_at_an_address_a_socket_or_nowhere(parse: Parsed, text: str, value: str) -> None:
    """The address is parsed to one form."""
    assert parse(**URL, APP_POOL_LISTEN=text).app_pool_listen == value


def test_equal_ports_are_one_listener(parse: Parsed) -> None:
    """METRICS_PORT repeated from LISTEN_PORT adds nothing."""
    assert parse(**URL, METRICS_PORT="9850").metrics_port is None
    assert parse(**URL, LISTEN_PORT="0", METRICS_PORT="0").metrics_port == 0


def test_a_missing_address_is_named(parse: Parsed) -> None:
    """One line that names what to give."""
    for environment in ({}, {"DATABASE_USER": "app"}):
        line = parse.refused(**environment)
        assert all(name in line for name in ("DATABASE_URL", "DATABASE_HOST", "DATABASES"))


JSON = '{"a": "postgresql://h/a"}'


@pytest.mark.parametrize(
    ("environment", "same_as", "note"),
    [
        ({**URL, **HOST}, URL, "DATABASE_HOST: not used, because DATABASE_URL counts"),
        ({**URL, "DATABASE_URL_FILE": "/x"}, URL, "DATABASE_URL_FILE: not used"),
        ({**URL, "DATABASE_USER": "x", "DATABASE_NAME": "y"}, URL, "DATABASE_NAME, DATABASE_USER: not used"),
        ({**URL, "DATABASE_PORT": "1", "DATABASE_PARAMETERS": "a=b"}, URL, "DATABASE_PORT, DATABASE_PARAMETERS: not"),
        ({**URL, **HOST, "DATABASE_PASSWORD": "x"}, URL, "DATABASE_HOST, DATABASE_PASSWORD: not used"),
        ({**URL, "DATABASES": "a,b"}, URL, "DATABASES: not used, because DATABASE_URL counts"),
        ({**URL, "DATABASES": JSON}, {"DATABASES": JSON}, "DATABASE_URL: not used, because DATABASES counts"),
        ({"DATABASES_FILE": "/x", "DATABASES": JSON}, {"DATABASES": JSON}, "DATABASES_FILE: not used"),
        (
            {**URL, "DATABASES": '{"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "x"}}'},
            URL,
            "DATABASES: not used",
        ),
        ({"DATABASES": JSON, "DATABASE_PASSWORD": "x"}, {"DATABASES": JSON}, "DATABASE_PASSWORD: not used"),
    ],
)
def test_one_of_several_addresses_counts(
    parse: Parsed, environment: dict[str, str], same_as: dict[str, str], note: str
) -> None:
    """One line names the unused ones."""
    found, alone = parse(**environment), parse(**same_as)

    assert found.databases == alone.databases
    assert [note in each for each in found.notes] == [True]


def test_a_password_beside_a_url_takes_its_place(parse: Parsed) -> None:
    """Unless it belongs to the parts of another address, whose URL has one of its own."""
    (found,) = parse(**URL, DATABASE_PASSWORD="other").databases

    assert found.source.target().password == "other"


@pytest.mark.parametrize("name", ["DATABASE_URL_FILE", "DATABASE_PASSWORD_FILE", "DATABASES_FILE"])
@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b"\n", "empty"),
        (b"\xff\xfe", "UTF-8"),
        (b"x" * 1_000_001, "megabyte"),
        (None, "exist"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_by_its_setting(
    parse: Parsed,
    tmp_path: Path,
    name: str,
    content: bytes | None,
    word: str,
) -> None:
    """The line says why, and repeats no path: it may be the secret, given in the wrong place."""
    path = tmp_path / "hunter2"
    if content is not None:
        path.write_bytes(content)
    line = parse.refused(**(URL if "PASSWORD" in name else {}), **{name: str(path)})

    assert name in line
    assert word in line
    assert "hunter2" not in line


def test_a_host_needs_no_escaping_of_its_password(parse: Parsed, tmp_path: Path) -> None:
    """Each part is used as it is, a file's content without its last newline."""
    (tmp_path / "password").write_text("p@ss:w/rd %41\n")
    (database,) = parse(
        **HOST,
        DATABASE_PORT="6432",
        DATABASE_NAME="my db",
        DATABASE_USER="us:er",
        DATABASE_PASSWORD_FILE=str(tmp_path / "password"),
        DATABASE_PARAMETERS="sslmode=require&application_name=x",
    ).databases
    target = database.source.target()

    assert (database.name, target.hosts) == ("my db", (("db.example", 6432),))
    assert (target.user, target.password) == ("us:er", "p@ss:w/rd %41")
    assert (target.sslmode, target.application_name) == ("require", "x")


def test_several_databases_are_told_apart(parse: Parsed, tmp_path: Path) -> None:
    """Each entry is a URL or an object, with its own `expect` and `required`."""
    (tmp_path / "url").write_text("postgresql://h3/three\n")
    (tmp_path / "password").write_text("secret\n")
    entries = {
        "orders": "postgresql://h1/one",
        "stock-2": {
            "host": "h2",
            "port": 6432,
            "name": "two",
            "user": "u",
            "password_file": str(tmp_path / "password"),
        },
        "users": {"url_file": str(tmp_path / "url"), "expect": "replica", "required": False},
    }
    found = parse(DATABASES=json.dumps(entries), DATABASE_EXPECT="primary").databases

    assert [(one.name, one.expect, one.required) for one in found] == [
        ("orders", "primary", True),
        ("stock-2", "primary", True),
        ("users", "replica", False),
    ]
    assert [one.source.target().hosts for one in found] == [(("h1", 5432),), (("h2", 6432),), (("h3", 5432),)]
    assert [one.source.target().database for one in found] == ["one", "two", "three"]
    assert found[1].source.target().password == "secret"


@pytest.mark.parametrize(
    "entry",
    [
        {"url": "postgresql://h/x", "colour": "red"},
        {"url": ""},
        {"url": 5},
        {"url": "postgresql://h/x", "host": "h"},
        {"url": "postgresql://h/x", "expect": "master"},
        {"url": "postgresql://h/x", "expect": ["any"]},
        {"url": "postgresql://h/x", "required": "yes"},
        {"host": "h", "port": "http"},
        {"host": "h", "port": True},
        {"host": "h", "port": 0},
        {"host": "h", "port": 65536},
        {"host": "h", "parameters": "sslmode=never"},
        {"password": "x"},
        {"url": "postgresql://h/x?sslmode=never"},
        {"url_file": MISSING},
        {"host": "h", "password_file": MISSING},
        {"host": "h", "password": "\ud800"},
        ["postgresql://h/x"],
        None,
        7,
    ],
)
def test_a_wrong_entry_of_databases_is_named(parse: Parsed, entry: object) -> None:
    """The message names the entry."""
    line = parse.refused(DATABASES=json.dumps({"good": "postgresql://h/x", "bad": entry}))

    assert 'DATABASES: "bad"' in line


def test_a_name_forges_no_line(parse: Parsed) -> None:
    """What cannot be printed is shown as a question mark; the server is asked for the name as it is."""
    (found,) = parse(DATABASE_URL="postgresql://h/app%0A[+]all%1b[0m%e2%80%a8%c3%a9").databases

    assert found.name == "app?[+]all?[0m?é"
    assert found.source.target().database == "app\n[+]all\x1b[0m\u2028é"


def test_a_repeated_key_of_databases_is_refused(parse: Parsed) -> None:
    """JSON parsers silently drop the first one."""
    assert "twice" in parse.refused(DATABASES='{"a": "postgresql://h/x", "a": "postgresql://h/y"}')


def test_databases_nested_without_end_are_refused(parse: Parsed) -> None:
    """Deeply nested JSON gives no traceback."""
    assert "DATABASES" in parse.refused(DATABASES='{"a":' * 20000)


def test_a_rotated_file_of_databases_counts_at_the_next_connection(parse: Parsed, tmp_path: Path) -> None:
    """A new password in any of the files needs no restart."""
    path = tmp_path / "databases"
    path.write_text('{"orders": "postgresql://u:old@h/x"}')
    (database,) = parse(DATABASES_FILE=str(path)).databases
    path.write_text('{"orders": "postgresql://u:new@h/x"}')

    assert database.source.target().password == "new"
    assert "old" not in json.dumps(dataclasses.asdict(database))


@pytest.mark.parametrize("name", ["LISTEN_PORT", "METRICS_PORT", "DATABASE_PORT"])
def test_the_address_of_a_kubernetes_service_is_no_port(parse: Parsed, name: str) -> None:
    """A Service called `metrics` puts METRICS_PORT=tcp://... into every pod of its namespace."""
    given = HOST if name == "DATABASE_PORT" else URL
    found = parse(**given, **{name: "tcp://10.96.0.7:5432"})

    assert dataclasses.replace(found, notes=()) == parse(**given)
    assert found.notes == (f"{name}: not used, because it holds the address of a Kubernetes Service, not a port",)


@pytest.mark.parametrize(
    ("word", "level"),
    [
        ("WARN", "warning"), ("Warning", "warning"), ("CRITICAL", "error"), ("fatal", "error"), ("trace", "debug"),
        ("20", "info"), ("30", "warning"), ("50", "error"), ("100", "error"),
        ("5", "info"), ("7", "debug"), ("3", "error"),
        ("info,sqlx=warn", "info"), ("sqlx=warn,debug", "debug"), ("off", "error"), ('"info"', "info"),
        ("DBG\n", "debug"),
    ],
)  # fmt: skip
def test_a_level_of_another_library_is_the_nearest_of_ours(parse: Parsed, word: str, level: str) -> None:
    """LOG_LEVEL is often shared with the application."""
    assert parse(**URL, LOG_LEVEL=word).log_level == level


@pytest.mark.parametrize(
    ("word", "form"),
    [("logfmt", "text"), ("console", "text"), ("%(asctime)s %(message)s", "text"), ("{time} {level}", "text"),
     ("JSON\n", "json"), ("ecs-json", "json"), ("'json'", "json")],
)  # fmt: skip
def test_a_format_of_another_library_is_the_nearest_of_ours(parse: Parsed, word: str, form: str) -> None:
    """LOG_FORMAT is shared, too, and some libraries take a pattern."""
    assert parse(**URL, LOG_FORMAT=word).log_format == form


@pytest.mark.parametrize("name", ["Production EU", "prod/eu", "{{ env }}", "-"])
def test_any_name_of_an_environment_but_test_means_production(parse: Parsed, name: str) -> None:
    """ENVIRONMENT is the application's before it is ours."""
    assert parse(**URL, ENVIRONMENT=name).environment == name.lower()


def test_the_first_of_a_pods_two_addresses_counts(parse: Parsed) -> None:
    """`status.podIPs` of a dual stack."""
    assert parse(**URL, POD_IP="10.0.0.1,fd00::1").pod_ip == "10.0.0.1"


@pytest.mark.parametrize("blank", [" ", "\n", '""', "''"])
def test_a_blank_url_counts_as_none(parse: Parsed, blank: str) -> None:
    """The parts count, as they do beside an empty one."""
    [database] = parse(DATABASE_URL=blank, DATABASES=blank, DATABASE_HOST="h", DATABASE_NAME="orders").databases

    assert database.source.target().hosts == (("h", 5432),)


def test_an_entry_takes_a_port_as_text_and_a_role_in_capitals(parse: Parsed) -> None:
    """Templates make a text of every number."""
    [database] = parse(DATABASES='\'{"a": {"host": "h", "port": "5433", "expect": "Primary"}}\'').databases

    assert (database.source.target().hosts, database.expect) == ((("h", 5433),), "primary")


def test_variables_of_libpq_about_tls_are_named(parse: Parsed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sets PGSSLMODE may rely on it; PGHOST is named only where no address is given."""
    for name in ("PGSSLMODE", "PGSSLROOTCERT", "PGHOST"):
        monkeypatch.setenv(name, "x")

    [note] = parse(**URL).notes
    assert note.startswith("PGSSLMODE, PGSSLROOTCERT: not used")
    assert "PGHOST and its kin are not read" in parse.refused()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--probe-intervall", "5"], ["--probe-intervall", "did you mean --probe-interval?"]),
        (["--zebra"], ["--zebra", "--help"]),
        (["serve"], ["--name VALUE"]),
        (["--Hunter2=x"], ["--name VALUE"]),
        (["--probe-interval"], ["--probe-interval needs a value"]),
        (["--probe-interval", "--log-level"], ["--probe-interval needs a value"]),
        (["--probe"], ["--probe is not a flag"]),
    ],
)
def test_an_unknown_flag_is_named(parse: Parsed, arguments: list[str], words: list[str]) -> None:
    """Flags are neither abbreviated nor guessed."""
    line = parse.refused(*arguments, **URL)

    assert all(word in line for word in words)


@pytest.mark.parametrize("name", [name for name, field in Settings.model_fields.items() if is_secret(field)])
def test_a_password_on_the_command_line_is_refused_and_not_repeated(parse: Parsed, name: str) -> None:
    """Every user of the machine can read the process list."""
    value = "postgresql://u:hunter2@h/x"
    line = parse.refused(flag(name), value)

    assert f"set {name.upper()} in the environment" in line
    assert "hunter2" not in line


def test_a_url_without_a_password_may_be_a_flag(parse: Parsed) -> None:
    """For a quick look at a local database."""
    (database,) = parse("--database-url", "postgresql://postgres@localhost:5433/app").databases

    assert database.name == "app"


def test_values_survive_the_pipe(parse: Parsed) -> None:
    """Every field survives the pipe between the two processes."""
    found = parse(DATABASES='{"a": {"host": "h", "password": "x\\u00e9"}}', DATABASE_EXTENSIONS="vector")

    assert Config.from_json(json.dumps(dataclasses.asdict(found))) == found


SPECIAL = set('@%"\n')  # of a URL and of JSON; `make test-all` tries every other


@pytest.mark.parametrize(
    "character",
    [pytest.param(chr(code), marks=() if chr(code) in SPECIAL else pytest.mark.extended) for code in range(1, 128)],
)
def test_no_part_of_a_password_is_ever_in_a_refusal(parse: Parsed, tmp_path: Path, character: str) -> None:
    """No message shows it, whatever its characters, raw or percent-encoded, and whatever else is wrong."""
    password = SECRET.format(character)
    encoded = SECRET.format(f"%{ord(character):02x}")
    (tmp_path / "url").write_text(f"postgresql://u:{password}@h/db?sslmode=bogus")
    attempts = [
        {"DATABASE_URL": f"postgresql://u:{word}{rest}"}
        for word in (password, encoded)
        for rest in (
            "@h/db?sslmode=bogus",
            "@h/db?colour=1",
            "@h:port/db",
            "@h h/db",
            "@/x?sslmode=require&sslrootcert=/no",
            "",
            "@[",
        )
    ]
    attempts += [
        {"DATABASE_URL": f"postgresql://h/db?password={password}&sslmode=bogus"},
        {"DATABASE_URL": f"postgresql://h/db?password={password}&colour=1"},
        {"DATABASE_URL": password},
        {"DATABASE_URL": f"{password}://h/db"},
        {"DATABASE_URL_FILE": str(tmp_path / "url")},
        {"DATABASE_URL_FILE": password},
        {"DATABASE_PASSWORD_FILE": password, **HOST},
        {"DATABASE_PASSWORD": password, "DATABASE_HOST": "h h"},
        {"DATABASE_PASSWORD": password, **HOST, "PROBE_INTERVAL": "x"},
        {"DATABASE_PARAMETERS": f"sslpassword={password}&x=y", **HOST},
        {"DATABASES": f'{{"a": "postgresql://u:{password}@h/db"'},
        {"DATABASES": json.dumps({"a": f"postgresql://u:{password}@h/db?sslmode=bogus"})},
        {"DATABASES": json.dumps({"a": {"host": "h", "password": password, "colour": 1}})},
        {"DATABASES": json.dumps({f"{password} ": {"host": "h"}})},
    ]
    for attempt in attempts:
        status, out, err = parse.outcome(**attempt)
        # An unknown parameter refuses nothing; where the character is an @, half of the password may make a good host.
        assert len(err.splitlines()) == (status != 0)
        assert status == 2 or character == "@" or "colour" in str(attempt)
        notes = json.loads(out)["notes"] if out else []
        assert not any(part in err + str(notes) for part in ("Zq7", "Xw9")), attempt
