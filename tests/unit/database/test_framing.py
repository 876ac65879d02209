"""Which bytes of a server reach asyncpg's parser."""

import struct

import pytest

from exporter.database.drivers.framing import Framing


def message(kind: bytes, body: bytes = b"", *, length: int | None = None) -> bytes:
    """One message; `length` is what it claims of itself."""
    return kind + struct.pack("!i", len(body) + 4 if length is None else length) + body


def authentication(code: int) -> bytes:
    """One step of a log-in."""
    return message(b"R", struct.pack("!i", code) + b"rest")


SASL = [authentication(code) for code in (10, 11, 12, 0)]
GOOD = {
    "a log-in": [*SASL, message(b"S", b"server_version\0" + b"17\0"), message(b"Z", b"I")],
    "a message without a body": [message(b"I"), message(b"1")],
    "a long message": [message(b"D", b"x" * 5000), message(b"C", b"SELECT 1\0")],
    "a message that claims more than comes": [message(b"D", b"x", length=0x7FFFFFFF)],
    "an authentication without a code": [message(b"R"), message(b"R", b"\0\0\0")],
}
BAD = {
    "no length": [message(b"C", length=0)],
    "a length below its own": [message(b"Z", b"I"), message(b"E", length=3)],
    "a negative length": [message(b"D", b"x"), message(b"C", length=-(2**20))],
    "SASL continued before it began": [authentication(11)],
    "SASL ended before it began": [authentication(5), authentication(12)],
}


SIZES = (1, 2, 7, 10_000)  # of the pieces that arrive


def accept(messages: list[bytes], size: int) -> bool:
    """Whether every piece of so many bytes is accepted."""
    framing, sent = Framing(), b"".join(messages)
    return all(framing.accept(sent[place : place + size]) for place in range(0, len(sent), size))


@pytest.mark.parametrize("messages", GOOD.values(), ids=GOOD)
def test_what_a_server_may_send_is_accepted_in_whatever_pieces(messages: list[bytes]) -> None:
    """What a message holds is asyncpg's affair."""
    assert all(accept(messages, size) for size in SIZES)


@pytest.mark.parametrize("messages", BAD.values(), ids=BAD)
def test_what_would_end_the_process_is_not(messages: list[bytes]) -> None:
    """Each of these is a segmentation fault of asyncpg 0.32, or may be."""
    assert not any(accept(messages, size) for size in SIZES)
