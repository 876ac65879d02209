"""Texts as people and tools hand them over: with quotes, a byte order mark, white space, or a variable left literal."""

import re

from exporter.dsn.errors import DsnError

_BYTE_ORDER_MARK = "\ufeff"
_QUOTED = re.compile(r"([\"'])(.*)\1", re.DOTALL)
# What Kubernetes leaves of `$(NAME)` where NAME is not defined before its use. Only names in the usual capitals are
# repeated in a message: anything else may be a piece of a password.
_VARIABLE = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")
_USUAL_NAME = re.compile(r"[A-Z][A-Z0-9_]*")


def clean(text: str) -> str:
    """Take off white space, a byte order mark and a pair of quotes around an address or a part of one."""
    text = text.strip().removeprefix(_BYTE_ORDER_MARK).strip()
    quoted = _QUOTED.fullmatch(text)
    return quoted[2].strip() if quoted else text


def without_newline(text: str) -> str:
    """Take off one newline at the end, as libpq does of a password: any other character may belong to it."""
    return text.removesuffix("\n").removesuffix("\r")


def refuse_variable(text: str) -> None:
    """Refuse a text in which Kubernetes has left a reference to a variable as it was.

    Raises:
        DsnError: the text holds `$(NAME)`; the sentence names the variable.
    """
    found = _VARIABLE.search(text)
    if found is None:
        return
    name = found[1] if _USUAL_NAME.fullmatch(found[1]) else "a variable"
    shown = f"$({name})" if name == found[1] else "a reference $(...)"
    raise DsnError(
        f"holds {shown}, which Kubernetes left as it is: define {name} before it in the same container's env, "
        "as an entry of its own"
    )
