"""Every setting, once: from the environment and the command line to a `Config`, or to one clear line."""

import dataclasses
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import SecretStr, ValidationError, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from exporter.dsn import DsnError
from exporter.model.readiness import Readiness
from exporter.model.role import ExpectedRole
from exporter.settings import aliases, fields, unused
from exporter.settings.config import Config
from exporter.settings.databases import Databases
from exporter.settings.fields import count, port, seconds, seconds_or_off, setting, words
from exporter.settings.flags import BadFlagError, flags, help_text
from exporter.settings.loader import SERVE

BAD_SETTINGS = 2
# Settings of the exporter's own pool that are named after the database: `serve` replaces a bad value by the default.
POOL_SETTINGS = frozenset(
    {"database_pool_size", "database_max_overflow", "database_pool_recycle", "database_echo", "database_extensions"}
)


class Settings(fields.FromEnvironment):
    """The table of all settings."""

    model_config = SettingsConfigDict(hide_input_in_errors=True, env_ignore_empty=True, extra="ignore")

    database_url: SecretStr | None = setting(
        "the database, in any form that applications use: `postgres://`, `postgresql://`, "
        "`postgresql+psycopg2://`, `+psycopg://`, `+asyncpg://`, with libpq's parameters; "
        "or libpq's `host=... user=...`",
        "a URL",
    )
    database_url_file: str | None = setting("a file that holds the URL", "a file")
    database_host: str | None = setting("instead of a URL: a host, several, or a socket's directory", "a host")
    database_port: fields.Port | None = port("its port", None, shown="5432", minimum=1)
    database_name: str | None = setting("the database's name; also `DATABASE_DB`", "a name", shown="the user's")
    database_user: str | None = setting("the user; also `DATABASE_USERNAME`", "a name", shown="the process's own")
    database_password: SecretStr | None = setting("the password; replaces the URL's", "a password")
    database_password_file: str | None = setting("a file that holds the password", "a file")
    database_parameters: SecretStr | None = setting(
        "beside `DATABASE_HOST`, what follows `?` in a URL: `sslmode=verify-full&sslrootcert=system`; "
        "also `DATABASE_SSLMODE`",
        "parameters as in a URL",
    )
    databases: SecretStr | None = setting(
        "several databases: a JSON object of name → URL or {`url`, `url_file`, `host`, `port`, `name`, "
        "`user`, `password`, `password_file`, `parameters`, `expect`, `required`}",
        "a JSON object",
    )
    databases_file: str | None = setting("a file that holds that object", "a file")
    database_pool_size: fields.Count = count("connections kept open", 5, minimum=1, maximum=20)
    database_max_overflow: fields.Count = count("connections beyond those", 10, minimum=0, maximum=50)
    database_pool_recycle: fields.Seconds = seconds(
        "age at which a connection is replaced, less up to 10 % at random",
        3600,
        minimum=1,
        maximum=604800,
    )
    database_echo: Annotated[bool, fields.CLEAN] = setting(
        "SQL on the log", "true or false", default=False, shown="false"
    )
    database_extensions: Annotated[tuple[str, ...], NoDecode, fields.EXTENSIONS] = setting(
        "for `init-db`: names, separated by commas",
        "names of extensions, separated by commas",
        (),
    )
    database_expect: Annotated[ExpectedRole, fields.LOWER] = words(
        "the role that the database must have",
        ExpectedRole.ANY,
        one_of="any, primary or replica",
    )
    environment: Annotated[str, fields.LOWER] = setting(
        "`test` opens each connection anew and silences echo",
        "a word, as production or test",  # nothing else is refused: applications share this variable
        "production",
        shown="production",
    )
    probe_interval: fields.Seconds = seconds(
        "between two checks on a pooled connection, and of a path that fails",
        5,
        maximum=3600,
    )
    probe_timeout: fields.Seconds = seconds(
        "hard limit of a check, tear-down included; keep it below the kubelet's",
        0.8,
        minimum=0.05,
        maximum=10,
    )
    fresh_probe_interval: fields.SecondsOrOff = seconds_or_off("between two checks on a new connection", 60)
    write_probe_interval: fields.SecondsOrOff = seconds_or_off(
        "between two checks that commit a row; needs `init-db` once",
        0,
    )
    health_max_age: fields.Seconds = seconds("how old the answer of `/healthz` may be", 1, minimum=0, maximum=3600)
    readiness: Annotated[Readiness, fields.LOWER] = words(
        "`/readyz` waits for nothing, for the first answer of the database, or follows `/healthz`",
        "latch",
        one_of="off, latch or gate",
    )
    listen_host: fields.Host | None = setting(
        "where to listen",
        "an IP address or a host name",
        shown="all, IPv4 and IPv6",
    )
    listen_port: fields.Port = port("the port to listen on", 9850, shown="9850")
    metrics_port: fields.Port | None = port(
        "a second listener for `/metrics` and `/`, which the first then answers no more",
        None,
        shown="the same",
    )
    web_config_file: str | None = setting(
        "a file in the format of Prometheus' exporter-toolkit: TLS, client certificates, passwords and headers of the "
        "listener of `METRICS_PORT`, which it needs; probes stay plain on `LISTEN_PORT`. With a `-` before its path, a "
        "file that cannot be used at the start closes that listener instead of ending the process",
        "a file",
    )
    app_pool_listen: fields.AppPoolListen = setting(
        "where application processes report their pools",
        "HOST:PORT, HOST:PORT/udp, unix:/PATH or off",
        "127.0.0.1:9851/udp",
        shown="127.0.0.1:9851/udp",
    )
    app_pool_sources: Annotated[tuple[str, ...], NoDecode, fields.SOURCES] = setting(
        "who may report pools, beside loopback and the pod's own address",
        "IP addresses and networks, separated by commas",
        (),
    )
    app_pool_ttl: fields.Seconds = seconds("how long a silent process's gauges stay", 15, maximum=3600)
    app_pool_wedged_after: fields.Seconds = seconds(
        "a full pool with requests pending is wedged after this long without a check-in",
        30,
        maximum=3600,
    )
    pod_ip: fields.Address | None = setting("the pod's own address, to find its sessions", "an IP address")
    log_format: Annotated[Literal["text", "json"], fields.LOG_FORMAT] = words(
        "`json` for clusters",
        "text",
        one_of="text or json",
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], fields.LOG_LEVEL] = words(
        "the least that is logged",
        "info",
        one_of="debug, info, warning or error",
    )

    @model_validator(mode="before")
    @classmethod
    def _forget_service_links(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Kubernetes sets NAME_PORT=tcp://IP:PORT in every pod for a Service called "name": it is never a setting."""
        return {name: value for name, value in given.items() if not fields.is_service_link(name, value)}


def read_config(given: Mapping[str, str], *, serve: bool = False) -> Config:
    """Return the configuration in the environment and the flags given.

    Args:
        given: the flags' settings, which count before the environment.
        serve: whether a database with a bad setting is kept with its problem instead of raising.

    Raises:
        ValidationError: a setting has a value that is not allowed.
        DsnError: a database cannot be used.
    """
    settings, wrong = _validated({**aliases.settings(os.environ, given), **given}, serve=serve)
    if settings.web_config_file is not None and settings.metrics_port in {None, settings.listen_port or None}:
        raise DsnError("WEB_CONFIG_FILE needs METRICS_PORT, a port beside LISTEN_PORT: kubelets probe without TLS")
    address = {name: sentence for name, sentence in wrong.items() if name not in POOL_SETTINGS}
    databases = Databases(settings.database_expect, lenient=serve, problem="; ".join(address.values()))
    found: dict[str, Any] = settings.model_dump(include={field.name for field in dataclasses.fields(Config)})
    for name in ("pool_size", "max_overflow", "pool_recycle", "echo", "extensions"):
        found[name] = getattr(settings, f"database_{name}")
    if settings.metrics_port == settings.listen_port != 0:  # port 0 twice gives two ports
        found["metrics_port"] = None
    found["databases"] = databases.read(_texts(settings))
    pool = (f"{sentence}: the default is used" for name, sentence in wrong.items() if name in POOL_SETTINGS)
    return Config(**{**found, "notes": (*unused.variables(Settings.model_fields, given), *pool, *databases.notes)})


def _validated(given: Mapping[str, str], *, serve: bool) -> tuple[Settings, dict[str, str]]:
    """Return the settings; to serve, with the defaults of those of a database whose values are wrong, and why."""
    try:
        return Settings(**given), {}  # type: ignore[arg-type]  # texts, as from the environment
    except ValidationError as error:
        wrong = _sentences(error)
        if not serve or not all(name.startswith("database") for name in wrong):
            raise
        defaults = {name: Settings.model_fields[name].default for name in wrong}
        return Settings(**{**given, **defaults}), wrong


def _texts(settings: Settings) -> dict[str, Any]:
    """The settings that say where databases are, those not given left out."""
    found = {name: getattr(settings, name) for name in Settings.model_fields if name.startswith("database")}
    return {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in found.items()
        if value is not None
    }


def error_line(error: ValidationError) -> str:
    """Say in one line what is wrong with which settings, without repeating what was given."""
    return "; ".join(_sentences(error).values())


def _sentences(error: ValidationError) -> dict[str, str]:
    """Return for each wrong setting what is wrong with it."""
    found: dict[str, str] = {}
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        name = str(one["loc"][0])
        extra: Any = Settings.model_fields[name].json_schema_extra
        message = one["msg"] if one["type"] == "line" else f"must be {extra['allowed']}"
        found.setdefault(name, f"{name.upper()} {message}")
    return found


def main(arguments: Sequence[str]) -> int:
    """Print the configuration as JSON for the parent process; return the exit status."""
    serve = SERVE in arguments
    arguments = [each for each in arguments if each != SERVE]
    if "--help" in arguments or "-h" in arguments:
        print(help_text(Settings.model_fields))  # noqa: T201  what was asked for
        return 0
    try:
        text = json.dumps(dataclasses.asdict(read_config(flags(arguments, Settings.model_fields), serve=serve)))
    except ValidationError as error:
        return _refuse(error_line(error))
    except (BadFlagError, DsnError) as error:
        return _refuse(str(error))
    sys.stdout.write(text)
    return 0


def _refuse(line: str) -> int:
    sys.stderr.write(f"db-health-exporter: {line}\n")
    return BAD_SETTINGS


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # the parent may be gone: die silently
    sys.exit(main(sys.argv[1:]))
