"""The exporter's settings as the charts need them: for the schema and for the library's templates."""

import json
import re
from typing import Any

from exporter.dsn.split import SCHEMES
from exporter.settings.fields import LEVELS
from exporter.settings.model import Settings

# The kubelet's probes end after 1 s, and an answer takes up to PROBE_TIMEOUT + 0.1 s.
LONGEST_PROBE_TIMEOUT = 0.85
# Settings that have a value of their own in the chart, which keeps passwords out of the pod's description.
ELSEWHERE = {
    "DATABASE_URL": "database.url or database.existingSecret",
    "DATABASE_URL_FILE": "database.existingSecret",
    "DATABASE_HOST": "database.host",
    "DATABASE_PORT": "database.port",
    "DATABASE_NAME": "database.name",
    "DATABASE_USER": "database.user",
    "DATABASE_PASSWORD": "database.passwordSecret",
    "DATABASE_PASSWORD_FILE": "database.passwordSecret",
    "DATABASE_PARAMETERS": "database.parameters",
    "DATABASES": "databases",
    "DATABASES_FILE": "databases",
    "POD_IP": "nothing (the chart takes it from the pod)",
    "WEB_CONFIG_FILE": "exporter.webConfigSecret",
}
# What a setting's sentence in the exporter says of its type.
_DURATION = re.compile(r"(?P<off>0 for off, or )?a time from (?P<minimum>[0-9.]+) s to (?P<maximum>[0-9.]+) s, .*")
_NUMBER = re.compile(r"a (?P<type>number|port) from (?P<minimum>[0-9]+) to (?P<maximum>[0-9]+)")
_WORDS = re.compile(r"(?P<words>[a-z]+(, [a-z]+)* or [a-z]+)")
_TYPES = {
    "true or false": "boolean",
    "an IP address or a host name": "host",
    "HOST:PORT, HOST:PORT/udp, unix:/PATH or off": "listenAddress",
    "names of extensions, separated by commas": "extensions",
    "IP addresses and networks, separated by commas": "networks",
    "a word, as production or test": "environment",
}
_SCHEMA_TYPES = {
    "duration": ["number", "string"],
    "number": ["integer", "string"],
    "port": ["integer", "string"],
    "boolean": ["boolean", "string"],
    "listenAddress": ["string", "boolean"],  # YAML reads a bare off as false
}


def settings() -> dict[str, dict[str, Any]]:
    """Each setting that `exporter.settings` takes: its type, its limits, its default and what is allowed."""
    return {
        name.upper(): _type(name.upper(), field) | {"default": _default(field)}
        for name, field in sorted(Settings.model_fields.items())
        if name.upper() not in ELSEWHERE
    }


def _type(name: str, field: Any) -> dict[str, Any]:
    allowed = str(field.json_schema_extra["allowed"]).removesuffix(", or 0 for any free one")
    if match := _DURATION.fullmatch(allowed):
        found: dict[str, Any] = {"type": "duration", "off": bool(match["off"])}
        return found | {name: json.loads(match[name]) for name in ("minimum", "maximum")} | {"allowed": allowed}
    if match := _NUMBER.fullmatch(allowed):
        found = {"type": match["type"]}
        return found | {name: json.loads(match[name]) for name in ("minimum", "maximum")} | {"allowed": allowed}
    if allowed in _TYPES:
        return {"type": _TYPES[allowed], "allowed": allowed}
    if match := _WORDS.fullmatch(allowed):
        words = re.findall(r"[a-z]+(?=,| or|$)", match["words"])
        return {"type": "word", "words": [*words, *(LEVELS if name == "LOG_LEVEL" else ())], "allowed": allowed}
    raise ValueError(f"tools/chart/settings.py knows no type of setting for {name}: {allowed}")


def _default(field: Any) -> str:
    default = field.default
    return "" if default is None or default == () else default if isinstance(default, str) else f"{json.dumps(default)}"


def setting_schemas() -> dict[str, Any]:
    """A schema for each setting: numbers as numbers or as texts, whose limits the templates check."""
    return {name: _schema(name, about) for name, about in settings().items()}


def _schema(name: str, about: dict[str, Any]) -> dict[str, Any]:
    description: str = Settings.model_fields[name.lower()].description or ""
    described = {"description": f"{description[0].upper()}{description[1:]}."}
    if about["type"] == "word":
        words = about["words"]
        off = [False] if "off" in words else []  # YAML reads a bare off as false
        cases = (str, str.upper, str.capitalize)
        return {"enum": [*(case(word) for case in cases for word in words), *off, None], **described}
    types = _SCHEMA_TYPES.get(about["type"], ["string"])
    found: dict[str, Any] = {"type": [*types, "null"]}  # null takes away what another values file has set
    if "minimum" in about:
        maximum = LONGEST_PROBE_TIMEOUT if name == "PROBE_TIMEOUT" else about["maximum"]
        found |= {"minimum": 0 if about.get("off") else about["minimum"], "maximum": maximum}
    return found | described


def template(defaults: str) -> str:
    """The library's templates of the same table and of its default values, which Helm reads as YAML."""
    rows = [f"{name}: {json.dumps(about)}" for name, about in settings().items()]
    elsewhere = [f"{name}: {json.dumps(place)}" for name, place in ELSEWHERE.items()]
    return "\n".join((
        "{{/*",
        "The exporter's settings. `make generate` makes this file of them: do not edit it.",
        "*/}}",
        "",
        "{{/* What exporter.settings takes: types, limits, defaults and the exporter's own sentences. */}}",
        '{{- define "db-health-exporter.settings" -}}',
        *rows,
        "{{- end }}",
        "",
        "{{/* Settings that the chart sets from values of its own. */}}",
        '{{- define "db-health-exporter.settingsElsewhere" -}}',
        *elsewhere,
        "{{- end }}",
        "",
        "{{/* What URLs of PostgreSQL's protocol begin with, as a regular expression. */}}",
        f'{{{{- define "db-health-exporter.schemes" -}}}}{"|".join(SCHEMES.split())}{{{{- end }}}}',
        "",
        "{{/* The library's values.yaml, for values that are given in part. */}}",
        '{{- define "db-health-exporter.defaults" -}}',
        defaults.strip(),
        "{{- end }}",
        "",
        "{{/* The longest PROBE_TIMEOUT, in seconds, whose answer still reaches the kubelet in time. */}}",
        f'{{{{- define "db-health-exporter.longestProbeTimeout" -}}}}{LONGEST_PROBE_TIMEOUT}{{{{- end }}}}',
        "",
    ))  # fmt: skip
