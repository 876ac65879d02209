"""Reads YAML strictly, as Go's `yaml.UnmarshalStrict` does: no unknown key, no key twice, no value of another kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from exporter.dsn.text import printable
from exporter.web.config.model import WebConfigError

if TYPE_CHECKING:
    from collections.abc import Collection

_SHOWN = 60  # characters of a key that an error repeats
_NULL = "tag:yaml.org,2002:null"
_MERGE = "tag:yaml.org,2002:merge"
# YAML 1.1's words, which the toolkit's parser takes.
_BOOLEANS = {
    **dict.fromkeys(("true", "yes", "on", "y"), True),
    **dict.fromkeys(("false", "no", "off", "n"), False),
}


class Value:
    """A node of the document and its place, as `tls_server_config.cert_file`."""

    def __init__(self, node: yaml.Node | None, path: str = "") -> None:
        """Keep the node; None is an empty document."""
        self._node, self.path = node, path

    @property
    def empty(self) -> bool:
        """Whether nothing is given: no document, or null."""
        return self._node is None or (isinstance(self._node, yaml.ScalarNode) and self._node.tag == _NULL)

    def mapping(self, known: Collection[str] | None = None) -> dict[str, Value]:
        """Return the values by key; only `known` keys are allowed, or any."""
        if self.empty:
            return {}
        if not isinstance(self._node, yaml.MappingNode):
            raise self.error("must be a mapping of keys to values")
        found: dict[str, Value] = {}
        for key, node in self._node.value:
            place = f" (line {key.start_mark.line + 1})"
            if not isinstance(key, yaml.ScalarNode):
                raise self.error(f"has a key that is no text{place}")
            if key.tag == _MERGE:
                raise self.error(f"has a merge key (<<), which is not followed: write the keys themselves{place}")
            if known is not None and key.value not in known:
                raise self.error(f'has the unknown key "{_shown(key.value)}"{place}')
            if key.value in found:
                raise self.error(f'has the key "{_shown(key.value)}" twice{place}')
            found[key.value] = Value(node, f"{self.path}.{_shown(key.value)}" if self.path else key.value)
        return found

    def texts(self) -> tuple[str, ...] | None:
        """Return a list of texts; None where nothing is given."""
        if self.empty:
            return None
        if not isinstance(self._node, yaml.SequenceNode):
            raise self.error("must be a list")
        return tuple(Value(each, self.path).text() for each in self._node.value)

    def text(self) -> str:
        """Return a text; a number or a word of YAML is the text that was written."""
        if self.empty:
            return ""
        if not isinstance(self._node, yaml.ScalarNode):
            raise self.error("must be a text")
        return str(self._node.value)

    def boolean(self) -> bool:
        """Return true or false."""
        found = _BOOLEANS.get(self.text().lower())
        if found is None:
            raise self.error("must be true or false")
        return found

    def integer(self) -> int:
        """Return a whole number that is not negative."""
        text = self.text()
        if not (text.isascii() and text.isdigit() and len(text) <= 9):  # noqa: PLR2004 - fits into 32 bits
            raise self.error("must be a whole number")
        return int(text)

    def error(self, problem: str) -> WebConfigError:
        """Make an error of a problem with this value."""
        return WebConfigError(f"{self.path or 'the file'} {problem}")


def read(text: str) -> Value:
    """Read one document.

    Raises:
        WebConfigError: it is no YAML; the sentence names the line and repeats nothing.
    """
    try:
        return Value(yaml.compose(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise WebConfigError("the file is no YAML" + (f": line {mark.line + 1}" if mark else "")) from None
    except (yaml.YAMLError, ValueError):  # a character that YAML forbids, or a tag that cannot be resolved
        raise WebConfigError("the file is no YAML") from None
    except RecursionError:
        raise WebConfigError("the file is nested too deeply") from None


def _shown(text: str) -> str:
    shown = printable(text)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
