"""Any database URL that applications use, translated to the arguments of the asynchronous driver."""

from exporter.dsn.entries import entries
from exporter.dsn.errors import DsnError
from exporter.dsn.files import document_state
from exporter.dsn.parse import parse
from exporter.dsn.source import Source, read_text
from exporter.dsn.target import Target, isolate

__all__ = ["DsnError", "Source", "Target", "document_state", "entries", "isolate", "parse", "read_text"]
