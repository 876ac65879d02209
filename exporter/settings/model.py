"""Every setting, once: from the environment and the command line to values, or to one clear line."""

import dataclasses
import json
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from exporter.dsn import DsnError
from exporter.model.readiness import Readiness
from exporter.model.role import ExpectedRole
from exporter.settings import fields as kinds
from exporter.settings.config import Values
from exporter.settings.databases import databases
from exporter.settings.fields import count, port, seconds, seconds_or_off, setting, words
from exporter.settings.flags import BadFlagError, flags, help_text
from exporter.settings.loader import SERVE

BAD_SETTINGS = 2


class Settings(BaseSettings):
    """The table of all settings."""

    model_config = SettingsConfigDict(hide_input_in_errors=True, env_ignore_empty=True, extra="ignore")

    database_url: SecretStr | None = setting(
        "the database, in any form that applications use: `postgres://`, `postgresql://`, "
        "`postgresql+psycopg2://`, `+psycopg://`, `+asyncpg://`, with libpq's parameters",
        "a URL",
    )
    database_url_file: str | None = setting("a file that holds the URL", "a file")
    database_host: str | None = setting("instead of a URL: a host, several, or a socket's directory", "a host")
    database_port: kinds.Port | None = port("its port", None, shown="5432", low=1)
    database_name: str | None = setting("the database's name", "a name", shown="the user's")
    database_user: str | None = setting("the user", "a name", shown="the process's own")
    database_password: SecretStr | None = setting("the password; replaces the URL's", "a password")
    database_password_file: str | None = setting("a file that holds the password", "a file")
    database_parameters: SecretStr | None = setting(
        "beside `DATABASE_HOST`, what follows `?` in a URL: `sslmode=verify-full&sslrootcert=system`",
        "parameters as in a URL",
    )
    databases: SecretStr | None = setting(
        "several databases: a JSON object of name → URL or {`url`, `url_file`, `host`, `port`, `name`, "
        "`user`, `password`, `password_file`, `parameters`, `expect`, `required`}",
        "a JSON object",
    )
    databases_file: str | None = setting("a file that holds that object", "a file")
    database_pool_size: kinds.Count = count("connections kept open", 5, low=1, high=20)
    database_max_overflow: kinds.Count = count("connections beyond those", 10, low=0, high=50)
    database_pool_recycle: kinds.Seconds = seconds(
        "age at which a connection is replaced, less up to 10 % at random",
        3600,
        low=1,
        high=604800,
    )
    database_echo: bool = setting("SQL on the log", "true or false", default=False, shown="false")
    database_extensions: Annotated[tuple[str, ...], NoDecode, kinds.EXTENSIONS] = setting(
        "for `init-db`: names, separated by commas",
        "names of extensions, separated by commas",
        (),
    )
    database_expect: Annotated[ExpectedRole, kinds.LOWER] = words(
        "the role that the database must have",
        ExpectedRole.ANY,
        among="any, primary or replica",
    )
    environment: Annotated[str, kinds.LOWER] = setting(
        "`test` opens each connection anew and silences echo",
        "a word, as production or test",
        "production",
        shown="production",
        pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$",
    )
    probe_interval: kinds.Seconds = seconds("between two checks on a pooled connection", 5, high=3600)
    probe_timeout: kinds.Seconds = seconds(
        "hard limit of a check, tear-down included; keep it below the kubelet's",
        0.8,
        low=0.05,
        high=10,
    )
    fresh_probe_interval: kinds.SecondsOrOff = seconds_or_off("between two checks on a new connection", 60)
    write_probe_interval: kinds.SecondsOrOff = seconds_or_off(
        "between two checks that commit a row; needs `init-db` once",
        0,
    )
    health_max_age: kinds.Seconds = seconds("how old the answer of `/healthz` may be", 1, low=0, high=3600)
    readiness: Annotated[Readiness, kinds.LOWER] = words(
        "`/readyz` waits for nothing, for the first answer of the database, or follows `/healthz`",
        "latch",
        among="off, latch or gate",
    )
    listen_host: kinds.Host | None = setting(
        "where to listen",
        "an IP address or a host name",
        shown="all, IPv4 and IPv6",
    )
    listen_port: kinds.Port = port("the port to listen on", 9850, shown="9850")
    metrics_port: kinds.Port | None = port(
        "a second listener for `/metrics` and `/`, which the first then answers no more",
        None,
        shown="the same",
    )
    web_config_file: str | None = setting("TLS and passwords for `/metrics`; not supported yet", "left out")
    app_pool_listen: kinds.AppPoolListen = setting(
        "where application processes report their pools",
        "HOST:PORT, HOST:PORT/udp, unix:/PATH or off",
        "127.0.0.1:9851/udp",
        shown="127.0.0.1:9851/udp",
    )
    app_pool_sources: Annotated[tuple[str, ...], NoDecode, kinds.SOURCES] = setting(
        "who may report pools, beside loopback and the pod's own address",
        "IP addresses and networks, separated by commas",
        (),
    )
    app_pool_ttl: kinds.Seconds = seconds("how long a silent process's gauges stay", 15, high=3600)
    app_pool_wedged_after: kinds.Seconds = seconds(
        "a full pool with requests pending is wedged after this long without a check-in",
        30,
        high=3600,
    )
    pod_ip: kinds.Address | None = setting("the pod's own address, to find its sessions", "an IP address")
    log_format: Annotated[Literal["text", "json"], kinds.LOWER] = words(
        "`json` for clusters",
        "text",
        among="text or json",
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], kinds.LOWER] = words(
        "the least that is logged",
        "info",
        among="debug, info, warning or error",
    )

    @model_validator(mode="before")
    @classmethod
    def _forget_service_link(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Beside a URL, a link in DATABASE_PORT only tells of a Kubernetes Service called "database"."""
        link = "database_host" not in given and kinds.is_service_link(given.get("database_port"))
        return {name: value for name, value in given.items() if not (link and name == "database_port")}


def values(given: Mapping[str, str]) -> Values:
    """Plain values from the environment and the flags given."""
    settings = Settings(**given)  # type: ignore[arg-type]  # texts, as from the environment
    if settings.web_config_file is not None:
        raise DsnError("WEB_CONFIG_FILE is not supported yet: leave it out")
    found: dict[str, Any] = settings.model_dump(include={field.name for field in dataclasses.fields(Values)})
    for name in ("pool_size", "max_overflow", "pool_recycle", "echo", "extensions"):
        found[name] = getattr(settings, f"database_{name}")
    if settings.metrics_port == settings.listen_port != 0:  # twice any free port is two ports
        found["metrics_port"] = None
    return Values(**{**found, "databases": databases(_texts(settings), expect=settings.database_expect)})


def _texts(settings: Settings) -> dict[str, Any]:
    """The settings that say where databases are, those not given left out."""
    found = {name: getattr(settings, name) for name in Settings.model_fields if name.startswith("database")}
    return {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in found.items()
        if value is not None
    }


def complaint(error: ValidationError) -> str:
    """What is wrong with which settings, without repeating what was given."""
    found: dict[str, str] = {}
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        name = str(one["loc"][0])
        extra: Any = Settings.model_fields[name].json_schema_extra
        found.setdefault(name, one["msg"] if one["type"] == "line" else f"must be {extra['allowed']}")
    return "; ".join(f"{name.upper()} {message}" for name, message in found.items())


def main(arguments: Sequence[str]) -> int:
    """Print the values as JSON for the parent process; return the exit status."""
    arguments = [each for each in arguments if each != SERVE]
    if "--help" in arguments or "-h" in arguments:
        print(help_text(Settings.model_fields))  # noqa: T201  what was asked for
        return 0
    try:
        text = json.dumps(dataclasses.asdict(values(flags(arguments, Settings.model_fields))))
    except ValidationError as error:
        return _refuse(complaint(error))
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
