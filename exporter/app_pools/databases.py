"""The configured databases that a report may mean by the database that it names."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

UNKNOWN = "unknown"


class DatabaseNames:
    """The configured databases: for each configured name the database in its URL."""

    def __init__(self, databases: Mapping[str, str | None]) -> None:
        self._databases = dict(databases)

    def label(self, reported: str | None) -> str:
        """Return the value of the label `database`: the configured name, else the name that was reported."""
        candidates = self.candidates(reported)
        return candidates[0] if len(candidates) == 1 else reported or UNKNOWN

    def candidates(self, reported: str | None) -> tuple[str, ...]:
        """Return the configured names that a report may mean.

        A configured name means that database. The name in a URL may be that of several databases on several servers.
        A report without a name means the only configured database. A name that is not configured has no candidates:
        its pools are shown, and no verdict depends on them.
        """
        if reported is None:
            return tuple(self._databases) if len(self._databases) == 1 else ()
        if reported in self._databases:
            return (reported,)
        return tuple(name for name, in_url in self._databases.items() if in_url == reported)
