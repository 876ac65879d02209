"""What a server says when it ends an idle session: asyncpg drops it, and only it tells a stop from a start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ADMIN_SHUTDOWN = "57P01"
_ERROR = b"E"
_FIELD = b"\x00C"  # an ErrorResponse is fields of one letter and a text each, ended by zeros; C is the SQLSTATE


class Tap:
    """Stands between a transport and asyncpg's protocol and passes everything on; everything else is the protocol's."""

    def __init__(self, protocol: Any, heard: Callable[[str], None]) -> None:
        """Keep both."""
        self._protocol = protocol
        self._heard = heard

    def __getattr__(self, name: str) -> Any:
        """Be the protocol in all but `data_received`."""
        return getattr(self._protocol, name)

    def data_received(self, data: bytes) -> None:
        """Listen for an error, then pass the bytes on."""
        if data[:1] == _ERROR and _FIELD in data:
            state = data.split(_FIELD, 1)[1][:5]
            self._heard(state.decode("ascii", "replace"))
        self._protocol.data_received(data)


def tap(connection: Any, heard: Callable[[str], None]) -> None:
    """Call `heard` with the SQLSTATE of each error that comes over a connection, also while nothing is asked."""
    transport, protocol = connection._transport, connection._protocol  # noqa: SLF001 - there is no public way
    transport.set_protocol(Tap(protocol, heard))
