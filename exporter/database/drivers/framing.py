"""Follows the lengths of a server's messages: asyncpg's parser is C, and some would end the process.

https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

from __future__ import annotations

import struct

_HEADER = struct.Struct("!ci")  # the type, and the length of the rest with these four bytes
_SHORTEST = 4
_AUTHENTICATION = b"R"
_CODE = struct.Struct("!i")
_SASL = 10
_SASL_NEXT = (11, 12)  # SASLContinue and SASLFinal


class Framing:
    """The state of one connection.

    asyncpg 0.32 reads memory outside its buffer after a negative length, and through a null pointer where the log-in
    by SASL is continued before it began: nine bytes ended the exporter by a segmentation fault.
    """

    def __init__(self) -> None:
        """Begin with a connection."""
        self._begun = b""  # of a message whose kind is not known yet
        self._rest = 0  # bytes of the message under way that have not come yet
        self._sasl = False

    def accept(self, data: bytes) -> bool:
        """Follow what came next; False if nothing of it may be parsed."""
        data = self._begun + data
        place = self._rest
        while len(data) - place >= _HEADER.size:
            kind, length = _HEADER.unpack_from(data, place)
            if length < _SHORTEST:
                return False
            if kind == _AUTHENTICATION and length >= _SHORTEST + _CODE.size:
                if len(data) - place < _HEADER.size + _CODE.size:
                    break
                if not self._in_order(*_CODE.unpack_from(data, place + _HEADER.size)):
                    return False
            place += 1 + length
        self._begun, self._rest = data[place:], max(0, place - len(data))
        return True

    def _in_order(self, code: int) -> bool:
        self._sasl = self._sasl or code == _SASL
        return self._sasl or code not in _SASL_NEXT
