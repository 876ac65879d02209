"""The kinds that settings come in: what each accepts, and the words that say so when it does not."""

import ipaddress
import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from exporter.settings.durations import parse_duration

NOTHING = "\N{EN DASH}"  # how a table shows that there is no default
LAST_PORT = 65535
# Shorter periods would only load the database, and 0 must not be reached by a typing error.
SHORTEST = 0.1
_DAY = 86400.0
_SERVICE_LINK = re.compile(r"(?:tcp|udp|sctp)://\S+:[0-9]+")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?")
_LISTEN = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(?P<port>[0-9]{1,5})(?:/udp)?")
_EXTENSION = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}")


def setting(meaning: str, allowed: str, default: Any = None, *, shown: str = NOTHING, **limits: Any) -> Any:
    """One setting: its default, and what the help, the README and an error line say of it."""
    return Field(default, description=meaning, json_schema_extra={"allowed": allowed, "shown": shown}, **limits)


def seconds(meaning: str, default: float, *, low: float = SHORTEST, high: float = _DAY) -> Any:
    """A duration within limits."""
    allowed = f"a time from {low:g} s to {high:g} s, written as 5, 0.5, 500ms, 30s or 1m"
    return setting(meaning, allowed, default, shown=f"{default:g} s", ge=low, le=high)


def seconds_or_off(meaning: str, default: float) -> Any:
    """A duration, or 0; for a field of the type `SecondsOrOff`."""
    allowed = f"0 for off, or a time from {SHORTEST:g} s to {_DAY:g} s, written as 5, 0.5, 500ms, 30s or 1m"
    return setting(meaning, allowed, default, shown=f"{default:g} s", le=_DAY)


def count(meaning: str, default: int, *, low: int, high: int) -> Any:
    """A whole number within limits."""
    return setting(meaning, f"a number from {low} to {high}", default, shown=f"{default}", ge=low, le=high)


def port(meaning: str, default: int | None, *, shown: str, low: int = 0) -> Any:
    """A port."""
    allowed = f"a port from 1 to {LAST_PORT}" + ("" if low else ", or 0 for any free one")
    return setting(meaning, allowed, default, shown=shown, ge=low, le=LAST_PORT)


def words(meaning: str, default: str, *, among: str) -> Any:
    """One of several words."""
    return setting(meaning, among, default, shown=default)


def is_service_link(value: object) -> bool:
    """Whether Kubernetes made this up: NAME_PORT=tcp://IP:PORT, in every pod, for a Service called "name"."""
    return isinstance(value, str) and _SERVICE_LINK.fullmatch(value.strip()) is not None


def _refuse_service_link(value: object) -> object:
    if is_service_link(value):
        raise PydanticCustomError(
            "line",
            "holds the address of a Kubernetes Service of that name instead of a port: "
            "set it to a port yourself, or set enableServiceLinks: false in the pod",
        )
    return value


def _digits(value: object) -> object:
    """Pydantic takes 80.0 and 8_0 for 80."""
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]+", value.strip()):
        raise ValueError
    return value


def accepted_by(accept: Callable[[str], Any]) -> BeforeValidator:
    """A validator of texts: a ValueError of `accept` refuses."""
    return BeforeValidator(lambda value: accept(value.strip()) if isinstance(value, str) else value)


def _off_or_not_short(value: float) -> float:
    if 0 < value < SHORTEST:
        raise ValueError
    return value


def _address(text: str) -> str:
    return str(ipaddress.ip_address(text))


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
Port = Annotated[Count, BeforeValidator(_refuse_service_link)]
Host = Annotated[str, accepted_by(_host)]
Address = Annotated[str, accepted_by(_address)]
AppPoolListen = Annotated[str, accepted_by(_app_pool_listen)]
EXTENSIONS = accepted_by(_extensions)
SOURCES = accepted_by(_sources)
LOWER = accepted_by(str.lower)
