"""Other names under which applications have the parts of an address: without them it would be another address."""

from collections.abc import Iterator, Mapping

from exporter.dsn.parameters import SSL_MODES, SSL_WORDS
from exporter.dsn.text import clean

_WHOLE = ("DATABASE_URL", "DATABASE_URL_FILE", "DATABASES", "DATABASES_FILE")
_PARTS = {
    "database_host": ("DATABASE_HOSTNAME",),
    "database_name": ("DATABASE_DBNAME", "DATABASE_DB", "DATABASE_DATABASE"),
    "database_user": ("DATABASE_USERNAME",),
    "database_password": ("DATABASE_PASS", "DATABASE_PASSWD"),
}
_MODES = ("DATABASE_SSLMODE", "DATABASE_SSL_MODE", "DATABASE_SSL", "DATABASE_TLS")
_ROOTS = ("DATABASE_SSLROOTCERT", "DATABASE_SSL_ROOT_CERT")


def settings(environ: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Return the parts that are given by another name alone; none beside a whole address.

    Args:
        environ: the environment.
        given: the flags' settings, which count before it.
    """
    if _whole(environ, given):
        return {}
    found = {}
    for name, others in _PARTS.items():
        value = next((environ[other] for other in others if environ.get(other)), None)
        if value is not None and not _is_given(name, environ, given):
            found[name] = value
    parameters = given.get("database_parameters") or clean(environ.get("DATABASE_PARAMETERS", ""))
    asked = [text for text in _tls(environ).values() if text.partition("=")[0] not in parameters]
    if asked:
        found["database_parameters"] = "&".join([*filter(None, [parameters]), *asked])
    return found


def notes(environ: Mapping[str, str], given: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence about the variables that are not used."""
    whole = _whole(environ, given)
    used = () if whole else _tls(environ)
    parts = [name for others in _PARTS.values() for name in others] if whole else []
    names = [name for name in environ if name in parts or (name.startswith(("DATABASE_SSL", "DATABASE_TLS")))]
    names = sorted(name for name in names if name not in used and environ[name])
    if names:
        why = f"{whole} counts" if whole else "TLS is asked for by DATABASE_PARAMETERS"
        yield f"{', '.join(names)}: not used, because {why}"


def _whole(environ: Mapping[str, str], given: Mapping[str, str]) -> str:
    """Return the setting that holds a whole address, if there is one."""
    return next((name for name in _WHOLE if name.lower() in given or clean(environ.get(name, ""))), "")


def _is_given(name: str, environ: Mapping[str, str], given: Mapping[str, str]) -> bool:
    return any(each in given or environ.get(each.upper()) for each in (name, f"{name}_file"))


def _tls(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the parameter that each variable about TLS asks for; only what is a mode or a file."""
    found = {}
    for names, parameter in ((_MODES, "sslmode"), (_ROOTS, "sslrootcert")):
        for name in names:
            value = clean(environ.get(name, ""))
            if value.startswith("/") if parameter == "sslrootcert" else value.lower() in {*SSL_MODES, *SSL_WORDS}:
                found[name] = f"{parameter}={value}"
    return found
