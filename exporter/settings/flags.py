"""The command line's flags, one for each setting, and the help that lists them."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo

_NAMEABLE = re.compile(r"--[a-z][a-z0-9-]{0,40}")


class BadFlagError(ValueError):
    """A command line that cannot be used; the text repeats no value."""


def flag(name: str) -> str:
    """The flag of a setting."""
    return "--" + name.replace("_", "-")


def is_secret(field: FieldInfo) -> bool:
    """Whether a setting's value must never be shown."""
    return SecretStr in (field.annotation, *get_args(field.annotation))


def flags(arguments: Sequence[str], fields: Mapping[str, FieldInfo]) -> dict[str, str]:
    """The settings that the command line gives, as texts."""
    names = {flag(name): name for name in fields}
    given: dict[str, str] = {}
    rest = iter(arguments)
    for argument in rest:
        word, equals, value = argument.partition("=")
        if word not in names:
            raise BadFlagError(_unknown(word, names))
        field = fields[names[word]]
        if not equals:
            value = "true" if field.annotation is bool else _next(rest, word)
        if is_secret(field):
            _refuse_password(word, value)
        if value:  # an empty one is one not given, as in the environment
            given[names[word]] = value
    return given


def _next(rest: Iterator[str], word: str) -> str:
    value = next(rest, None)
    if value is None or value.startswith("--"):
        raise BadFlagError(f"{word} needs a value")
    return value


def _unknown(word: str, names: Mapping[str, str]) -> str:
    if not _NAMEABLE.fullmatch(word):
        return "an argument is not a flag: flags are written --name VALUE, as --probe-interval 5s; see --help"
    near = difflib.get_close_matches(word, names, n=1)
    return f"{word} is not a flag" + (f": did you mean {near[0]}?" if near else ": see --help")


def _refuse_password(word: str, value: str) -> None:
    """Every user of the machine can read a command line."""
    if word == "--database-url" and not re.search(r"://.*:.*@|password", value, re.IGNORECASE):
        return
    variable = word[2:].replace("-", "_").upper()
    raise BadFlagError(
        f"{word} would show a password to every user of this machine: set {variable} in the environment, "
        f"or {variable}_FILE",
    )


def help_text(fields: Mapping[str, FieldInfo]) -> str:
    """Each setting with its variable, flag, default and meaning."""
    lines = ["Settings: environment variable, flag, default, meaning.", ""]
    for name, field in fields.items():
        extra: Any = field.json_schema_extra
        meaning = str(field.description).replace("`", "")
        lines += [f"  {name.upper()}, {flag(name)} (default: {extra['shown']})", f"      {meaning}"]
        lines += [f"      allowed: {extra['allowed']}"]
    return "\n".join(lines)
