"""A server's side of a session as any peer may play it: PostgreSQL's own messages, changed, cut, doubled or replaced.

https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

# ruff: noqa: E501 - lists of many messages read best as a few on a line
import asyncio
import json
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial

from hypothesis import strategies as st

TLS_REQUEST = b"\0\0\0\x08\x04\xd2\x16\x2f"
MUTUAL_WAIT = 0.1  # seconds
STATES = ("57P01", "57P03", "53300", "28P01", "28000", "3D000", "25006", "08P01", "XX000", "", "\0", "5")


@dataclass(frozen=True)
class Script:
    """What a peer sends, as latin-1: after the request for TLS, the log-in and each later message; then how it ends."""

    tls: str = "N"
    login: str = ""
    answers: tuple[str, ...] = ()
    ending: str = "close"

    def to_json(self) -> str:
        """Write it as a file of the corpus."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: bytes) -> "Script":
        """Undo `to_json`."""
        found = json.loads(text)
        return cls(**{**found, "answers": tuple(found["answers"])})


def message(kind: bytes, body: bytes = b"", *, length: int | None = None) -> bytes:
    """One message; `length` is what it claims of itself."""
    return kind + struct.pack("!i", len(body) + 4 if length is None else length) + body


AUTHENTICATED = message(b"R", struct.pack("!i", 0))
PARAMETERS = [
    message(b"S", f"{name}\0{value}\0".encode())
    for name, value in (
        ("server_version", "15.4"),
        ("client_encoding", "UTF8"),
        ("integer_datetimes", "on"),
        ("standard_conforming_strings", "on"),
    )
]
KEY = message(b"K", struct.pack("!ii", 4711, 815))
READY = message(b"Z", b"I")
LOGIN = [AUTHENTICATED, *PARAMETERS, KEY, READY]
COLUMN = message(b"T", struct.pack("!h", 1) + b"?column?\0" + struct.pack("!ihihih", 0, 0, 23, 4, -1, 0))
ROW = message(b"D", struct.pack("!hi", 1, 1) + b"1")
ANSWER = [COLUMN, ROW, message(b"C", b"SELECT 1\0"), READY]


def error(kind: bytes, sqlstate: str) -> bytes:
    """An ErrorResponse or a notice."""
    return message(kind, f"SFATAL\0VFATAL\0C{sqlstate}\0Mno\0Fx.c\0L1\0Rf\0\0".encode("latin-1"))


ODD = (
    [message(b"Z", each) for each in (b"T", b"E", b"", b"?", b"II")]
    + [message(b"C", each) for each in (b"", b"\0", b"SELECT\0", b"SELECT -1\0", b"SELECT x\0", b"\xff 1\0", b"INSERT 0 1\0")]
    + [message(b"S", each) for each in (b"", b"\0\0", b"server_version\0\0", b"server_version\0x\0", b"a\0", b"client_encoding\0KLINGON\0", b"client_encoding\0\xff\0", b"TimeZone\0Mars\0", b"in_hot_standby\0on\0")]
    + [message(b"R", struct.pack("!i", each)) for each in (2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 99, -1)]
    + [message(b"R", struct.pack("!i", 10) + b"SCRAM-SHA-256\0\0"), message(b"R", struct.pack("!i", 11) + b"r=x,s=x,i=1")]
    + [message(b"G", b"\0\0\0"), message(b"H", b"\0\0\0"), message(b"W", b"\0\0\0"), message(b"d", b"x"), message(b"c")]
    + [message(b"I"), message(b"s"), message(b"n"), message(b"1"), message(b"2"), message(b"3"), message(b"t", b"\0\0")]
    + [message(b"A", struct.pack("!i", 1) + b"channel\0payload\0"), message(b"A"), message(b"v", struct.pack("!ii", 3, 0))]
    + [message(b"T", each) for each in (b"", b"\xff\xff", b"\0\x01", b"\0\0", b"\x7f\xff" + b"a\0" * 20)]
    + [message(b"D", each) for each in (b"", b"\0\x01\x7f\xff\xff\xff", b"\0\x01\xff\xff\xff\xff", b"\xff\xff", b"\0\0")]
    + [error(kind, state) for kind in (b"E", b"N") for state in STATES]
    + [message(b"E"), message(b"E", b"\0"), message(b"E", b"M"), message(b"N", b"\xff" * 9), message(b"E", b"C57P01")]
    + [message(each, b"", length=size) for each in (b"Z", b"E", b"D", b"S") for size in (0, 3, -1, 0x7FFFFFFF)]
    + [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-x\r\n", b"\x15\x03\x01\0\x02\x02\x28", b"\0", b"\xff" * 40]
)  # fmt: skip


@st.composite
def changed(draw: st.DrawFn, messages: list[bytes]) -> str:
    """Messages of which few are left out, doubled, moved, replaced, cut or damaged."""
    found = list(messages)
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, max(0, len(found) - 1)))
        what = draw(st.integers(0, 7))
        if what <= 2 or not found:
            found.insert(place, draw(st.sampled_from(ODD)))
        elif what == 3:
            found[place] = draw(st.sampled_from(ODD))
        elif what == 4:
            del found[place]
        elif what == 5:
            found.insert(draw(st.integers(0, len(found))), found[place])
        elif what == 6:
            found[place] = found[place][: draw(st.integers(0, len(found[place])))]
        else:
            at = draw(st.integers(0, max(0, len(found[place]) - 1)))
            found[place] = found[place][:at] + draw(st.binary(max_size=3)) + found[place][at + 1 :]
    return b"".join(found).decode("latin-1")


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    """A peer that is right for a while; only a few stay silent at the end, for the probe then waits."""
    odd_login = draw(st.integers(1, 3)) == 1
    return Script(
        tls=draw(st.sampled_from(["N"] * 8 + ["S", "", "E", "NN", "\0", error(b"E", "57P03").decode("latin-1")])),
        login=draw(changed(LOGIN)) if odd_login else b"".join(LOGIN).decode("latin-1"),
        answers=tuple(draw(st.lists(changed(ANSWER), max_size=4))),
        ending=draw(st.sampled_from(["close"] * 6 + ["reset"] * 3 + ["wait"])),
    )


class Peer:
    """Plays the script of the moment to each connection."""

    def __init__(self) -> None:
        """Close each connection at first."""
        self.script = Script()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Play one session; unless it is to wait, end it when the client waits, too."""
        script = self.script
        limit = None if script.ending == "wait" else MUTUAL_WAIT
        with suppress(TimeoutError):
            await self._play(script, partial(_read, reader, limit), writer)
        if script.ending == "reset":
            writer.transport.abort()

    async def _play(self, script: Script, read: Callable[[], Awaitable[bytes]], writer: asyncio.StreamWriter) -> None:
        request = await read()
        if request == TLS_REQUEST:
            writer.write(script.tls.encode("latin-1"))
            request = await read()
        for each in (script.login, *script.answers):
            if not request:
                return
            writer.write(each.encode("latin-1"))
            await writer.drain()
            request = await read()
        while script.ending == "wait" and request:
            request = await read()


async def _read(reader: asyncio.StreamReader, limit: float | None) -> bytes:
    return await asyncio.wait_for(reader.read(65536), limit)
