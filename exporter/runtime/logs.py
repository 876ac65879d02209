"""The log: one line for each event, as text for people or as JSON for clusters."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

_OWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Writes a record and its extra fields as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry |= {key: value for key, value in record.__dict__.items() if key not in _OWN}
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)


class TextFormatter(logging.Formatter):
    """Writes a record as one line: a text from outside forges none, and SQL that is echoed fills none."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the line; control characters are spaces, runs of white space one."""
        text = "".join(each if each.isprintable() else " " for each in super().formatMessage(record))
        return " ".join(text.split())


def _is_no_malformed_request(record: logging.LogRecord) -> bool:
    """Drop aiohttp's lines about malformed requests: any client could fill the log with its own bytes."""
    kind = record.exc_info[0] if record.exc_info else None
    return kind is None or not any(each.__name__ == "HttpProcessingError" for each in kind.__mro__)


def _is_no_connection_error(record: logging.LogRecord) -> bool:
    """Drop asyncio's lines about a connect that was cut off: asyncpg leaves its error in a future."""
    kind = record.exc_info[0] if record.exc_info else None
    return kind is None or not issubclass(kind, ConnectionError)


def set_up(*, style: str, level: str) -> None:
    """Log to stderr, in `text` or `json`, from `level` upwards."""
    handler = logging.StreamHandler(sys.stderr)
    plain = TextFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(JsonFormatter() if style == "json" else plain)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)  # libraries warn in lines of their own on stderr
    # Without a handler of its own, SQLAlchemy's echo would also go to stdout, in a format of its own.
    logging.getLogger("sqlalchemy.engine.Engine").addHandler(logging.NullHandler())
    # The pool logs a traceback for each connection that is dropped on purpose.
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    logging.getLogger("asyncio").addFilter(_is_no_connection_error)
    logging.getLogger("aiohttp.server").addFilter(_is_no_malformed_request)
