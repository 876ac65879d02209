"""The types of settings: the values that each accepts, and the message for any other."""

import ipaddress
import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from exporter.dsn import DsnError
from exporter.dsn.text import clean, refuse_variable
from exporter.settings.durations import parse_duration

NO_DEFAULT = "\N{EN DASH}"  # shown in tables where there is no default
LAST_PORT = 65535
# Shorter periods would only load the database, and 0 must not be reached by a typing error.
MINIMUM_SECONDS = 0.1
_DAY = 86400.0
_SERVICE_LINK = re.compile(r"(?:tcp|udp|sctp)://\S+:[0-9]+")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?")
_LISTEN = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(?P<port>[0-9]{1,5})(?:/udp)?")
# Other libraries' names of levels: the nearest of ours.
LEVELS = {
    "trace": "debug", "notset": "debug", "verbose": "debug", "notice": "info", "information": "info",
    "warn": "warning", "warnings": "warning", "err": "error", "errors": "error", "fatal": "error", "critical": "error",
    "panic": "error", "severe": "error", "alert": "error", "emerg": "error", "emergency": "error", "crit": "error",
    "dbg": "debug", "fine": "debug", "finer": "debug", "finest": "debug", "all": "debug", "config": "info",
    "inf": "info", "success": "info", "default": "info", "wrn": "warning", "off": "error", "none": "error",
    "silent": "error", "quiet": "error", "disabled": "error",
}  # fmt: skip
_TEXT_FORMATS = frozenset(
    {"logfmt", "console", "pretty", "plain", "human", "simple", "standard", "default", "txt", "color", "colored", "dev",
     "common", "combined", "line", "full", "compact"}
)  # fmt: skip
_EXTENSION = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}")


class FromEnvironment(BaseSettings):
    """Settings of the environment and of arguments alone: no `.env` file, which took 2 of 5 ms of a reading."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic-settings passes all five by name
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments count before variables."""
        return init_settings, env_settings


def setting(meaning: str, allowed: str, default: Any = None, *, shown: str = NO_DEFAULT, **limits: Any) -> Any:
    """Describe one setting: its default, and its texts in the help, the reference and an error line."""
    return Field(default, description=meaning, json_schema_extra={"allowed": allowed, "shown": shown}, **limits)


def seconds(meaning: str, default: float, *, minimum: float = MINIMUM_SECONDS, maximum: float = _DAY) -> Any:
    """Describe a duration within limits."""
    allowed = f"a time from {minimum:g} s to {maximum:g} s, written as 5, 0.5, 500ms, 30s or 1m"
    return setting(meaning, allowed, default, shown=f"{default:g} s", ge=minimum, le=maximum)


def seconds_or_off(meaning: str, default: float) -> Any:
    """Describe a duration, or 0; for a field of the type `SecondsOrOff`."""
    allowed = f"0 for off, or a time from {MINIMUM_SECONDS:g} s to {_DAY:g} s, written as 5, 0.5, 500ms, 30s or 1m"
    return setting(meaning, allowed, default, shown=f"{default:g} s", le=_DAY)


def count(meaning: str, default: int, *, minimum: int, maximum: int) -> Any:
    """Describe a whole number within limits."""
    return setting(
        meaning, f"a number from {minimum} to {maximum}", default, shown=f"{default}", ge=minimum, le=maximum
    )


def port(meaning: str, default: int | None, *, shown: str, minimum: int = 0) -> Any:
    """Describe a port."""
    allowed = f"a port from 1 to {LAST_PORT}" + ("" if minimum else ", or 0 for any free one")
    return setting(meaning, allowed, default, shown=shown, ge=minimum, le=LAST_PORT)


def words(meaning: str, default: str, *, one_of: str) -> Any:
    """Describe one of several words."""
    return setting(meaning, one_of, default, shown=default)


def is_service_link(name: str, value: object) -> bool:
    """Whether Kubernetes made a port's value up: NAME_PORT=tcp://IP:PORT, in every pod, for a Service called "name"."""
    return name.endswith("_port") and isinstance(value, str) and _SERVICE_LINK.fullmatch(value.strip()) is not None


def _digits(value: object) -> object:
    """Take digits alone, where pydantic takes 80.0 and 8_0 for 80; quotes around them are taken off."""
    if not isinstance(value, str):
        return value
    text = clean(value)
    try:
        refuse_variable(text)
    except DsnError as error:  # says which variable is missing
        raise PydanticCustomError("line", "{why}", {"why": str(error)}) from None
    if not re.fullmatch(r"-?[0-9]+", text):
        raise ValueError
    return text


def _log_level(text: str) -> str:
    """Return the nearest level: the variable is often shared with an application that has other levels."""
    # Rust's and others': a level for all, then some for parts, as in info,sqlx=warn.
    level = next((part.strip() for part in re.split("[,;]", text.lower()) if "=" not in part), text.lower())
    if re.fullmatch("[0-9]{1,3}", level):
        return _numbered_level(int(level))
    return LEVELS.get(level, level)


def _numbered_level(number: int) -> str:
    """Return the level of a number of Python's, or of syslog's from 0 to 7."""
    if number < 10:  # noqa: PLR2004 - Python's DEBUG
        return {4: "warning", 5: "info", 6: "info"}.get(number, "error" if number < 4 else "debug")  # noqa: PLR2004
    return ("debug", "info", "warning", "error")[min(number // 10, 4) - 1]


def _log_format(text: str) -> str:
    """Return the nearest form: other libraries have more, and some take a pattern of their own."""
    form = text.lower()
    if form in _TEXT_FORMATS or re.search(r"[%{$]", form):
        return "text"
    return "json" if re.search(r"\bjson\b", form) else form


def accepted_by(accept: Callable[[str], Any]) -> BeforeValidator:
    """Make a validator of texts; `accept` refuses by a ValueError."""
    return BeforeValidator(lambda value: accept(clean(value)) if isinstance(value, str) else value)


def _off_or_not_short(value: float) -> float:
    if 0 < value < MINIMUM_SECONDS:
        raise ValueError
    return value


def _address(text: str) -> str:
    return str(ipaddress.ip_address(text))


def _first_address(text: str) -> str:
    """Return the first of a pod's addresses: `status.podIPs` gives both of a dual stack, separated by a comma."""
    return _address(text.partition(",")[0].strip())


def _host(text: str) -> str:
    try:
        return _address(text.strip("[]"))
    except ValueError:
        # Only digits and dots, yet no address: a typing error, not a name.
        if _HOST.fullmatch(text) and not re.fullmatch(r"[0-9.]+", text):
            return text
        raise


def _app_pool_listen(text: str) -> str:
    if text == "off" or re.fullmatch(r"unix:/[^\0]{1,100}", text):
        return text
    match = _LISTEN.fullmatch(text)
    if match is None or int(match["port"]) > LAST_PORT:
        raise ValueError
    _host(match["host"])
    return f"{match['host']}:{int(match['port'])}/udp"


def _sources(text: str) -> tuple[str, ...]:
    parts = (part.strip() for part in text.split(","))
    return tuple(str(ipaddress.ip_network(part, strict=False)) for part in parts if part)


def _extensions(text: str) -> tuple[str, ...]:
    names = tuple(name for name in (part.strip() for part in text.split(",")) if name)
    if not all(_EXTENSION.fullmatch(name) for name in names):
        raise ValueError
    return names


Seconds = Annotated[float, accepted_by(parse_duration), Field(allow_inf_nan=False)]
SecondsOrOff = Annotated[Seconds, Field(ge=0), AfterValidator(_off_or_not_short)]
Count = Annotated[int, BeforeValidator(_digits)]
Port = Count
Host = Annotated[str, accepted_by(_host)]
Address = Annotated[str, accepted_by(_first_address)]
AppPoolListen = Annotated[str, accepted_by(_app_pool_listen)]
EXTENSIONS = accepted_by(_extensions)
SOURCES = accepted_by(_sources)
LOWER = accepted_by(str.lower)
LOG_LEVEL = accepted_by(_log_level)
LOG_FORMAT = accepted_by(_log_format)
CLEAN = accepted_by(str)
