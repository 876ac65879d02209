"""How much asyncio reads at once: a page, where it would make room for 256 KiB each time."""

from __future__ import annotations

from asyncio import selector_events, sslproto

# A request, and what a server answers to a probe, fits into a page; what is longer comes in several turns.
STREAM_BYTES = 4096
# A datagram comes whole or cut: twice what a report may hold, so that one that is too long is seen to be.
DATAGRAM_BYTES = 16384


def read_little() -> None:
    """Make the transports of this process read little at a time; call it before the first one is made.

    Room for 256 KiB is only at the end of the heap, and what the buffer shrinks to stays there: the heap crept on by
    0.4 kB with each probe and by 3 MB in 1,000 faults, all of it free and in pieces too small for the next buffer. A
    page fits into such a piece: 0.2 MB in 1,000 faults. A TLS connection owns its buffer for as long as it lives.
    """
    # CPython names these numbers, but not the two classes, as public.
    selector_events._SelectorSocketTransport.max_size = STREAM_BYTES  # type: ignore[attr-defined] # noqa: SLF001
    selector_events._SelectorDatagramTransport.max_size = DATAGRAM_BYTES  # type: ignore[attr-defined] # noqa: SLF001
    sslproto.SSLProtocol.max_size = STREAM_BYTES
