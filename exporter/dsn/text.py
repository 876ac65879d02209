"""Texts as people and tools hand them over: with quotes, a byte order mark, white space, or a variable left literal."""

import re

from exporter.dsn.errors import DsnError

_INVISIBLE = "\ufeff\u200b\u200e"  # a byte order mark, and what comes along from a web page
_QUOTED = re.compile(r"(?:([\"'])(?P<plain>.*)\1|\u201c(?P<curly>.*)\u201d)", re.DOTALL)
# A line of an .env file as a whole.
_ASSIGNMENT = re.compile(r"(?:export\s+)?[A-Za-z_]\w*=(?=[\"']?postgres)")
# What Kubernetes leaves of `$(NAME)` where NAME is not defined before its use. Only names in the usual capitals are
# repeated in a message: anything else may be a piece of a password.
_VARIABLE = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")
_USUAL_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
# What a shell, compose or envsubst would have replaced, and what Helm would have.
_SHELL_VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)(?::?[-?+][^}]*)?\}")
# Other forms count only as a whole part of an address: in a longer one they may be a piece of a password.
_WHOLE_VARIABLE = re.compile(
    r"(?:^|(?<=[:/@,=]))(?:\$\{[a-z_][A-Za-z0-9_.]*\}|\$[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?=[:/@?&,]|$)"
)
# What a console or a README shows where the user's own belongs: <password>, [YOUR-PASSWORD].
_PLACEHOLDER = re.compile(
    r"<(?:your[-_ ]?)?(?:db[-_ ]?)?(?:user(?:name)?|password|host(?:name)?|port|db[-_ ]?name|database)>"
    r"|\[your[-_ ]?password\]",
    re.IGNORECASE,
)
_TEMPLATE = re.compile(r"\{\{[-\s]*[.$\w][^{}]*\}\}")
# What Go's templates, and so Helm's, write for a value that is missing.
_MISSING = re.compile(r"<no value>|<nil>|%!\w\(<nil>\)")


def clean(text: str) -> str:
    """Take off white space, a byte order mark and a pair of quotes around an address or a part of one."""
    text = text.strip().strip(_INVISIBLE).strip()
    text = _ASSIGNMENT.sub("", text, count=1) if _ASSIGNMENT.match(text) else text
    quoted = _QUOTED.fullmatch(text)
    return (quoted["plain"] or quoted["curly"] or "").strip() if quoted else text


def without_newline(text: str) -> str:
    """Take off one newline at the end, as libpq does of a password: any other character may belong to it."""
    return text.removesuffix("\n").removesuffix("\r")


def refuse_variable(text: str) -> None:
    """Refuse a text that holds a reference which Kubernetes, a shell, Helm or a person should have replaced.

    Raises:
        DsnError: the text holds `$(NAME)`, `${NAME}`, `$A_NAME`, `{{ ... }}` or `<password>`; the sentence names a
            variable in capitals.
    """
    placeholder = _PLACEHOLDER.search(text)
    if placeholder is not None:
        raise DsnError(f"holds the placeholder {placeholder[0]}: put the real value in its place")
    unfilled = _SHELL_VARIABLE.search(text)
    if unfilled is not None:
        raise DsnError(f"holds ${{{unfilled[1]}}}, which nothing has replaced: Kubernetes replaces $({unfilled[1]})")
    if _WHOLE_VARIABLE.search(text):
        raise DsnError("holds a variable of a shell, which nothing has replaced: Kubernetes replaces $(NAME)")
    if _MISSING.search(text):
        raise DsnError("holds <no value> or <nil>, where a template had no value")
    if _TEMPLATE.search(text):
        raise DsnError("holds {{...}}, a piece of a template that nothing has filled in")
    found = _VARIABLE.search(text)
    if found is None:
        return
    name = found[1] if _USUAL_NAME.fullmatch(found[1]) else "a variable"
    shown = f"$({name})" if name == found[1] else "a reference $(...)"
    raise DsnError(
        f"holds {shown}, which Kubernetes left as it is: define {name} before it in the same container's env, "
        "as an entry of its own"
    )


def printable(text: str) -> str:
    """Replace characters that would forge lines of the log and of `?verbose`."""
    return "".join(character if character.isprintable() else "?" for character in text)
