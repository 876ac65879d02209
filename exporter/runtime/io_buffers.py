"""How much asyncio reads at once: 4 KiB instead of 256, which saves 3 MB of memory in 1,000 faults."""

from __future__ import annotations

from asyncio import selector_events, sslproto

STREAM_BYTES = 4096  # a request fits, and so does a server's answer to a probe; longer ones take several reads
DATAGRAM_BYTES = 16384  # twice what a report may hold: a longer one is cut off, and so is seen to be too long


def limit_read_buffers() -> None:
    """Limit the reads of every transport of this process; call it before the first one is made.

    A buffer of 256 KiB fits only at the end of the heap, and what is left after it shrinks stays there: the heap grew
    by 0.4 kB with each probe and by 3 MB in 1,000 faults, all of it free, in pieces too small for the next buffer.
    4 KiB fit into such a piece: 0.2 MB in 1,000 faults. A TLS connection keeps its buffer for as long as it lives.
    """
    # CPython documents `max_size`, but not the two classes that have it.
    selector_events._SelectorSocketTransport.max_size = STREAM_BYTES  # type: ignore[attr-defined] # noqa: SLF001
    selector_events._SelectorDatagramTransport.max_size = DATAGRAM_BYTES  # type: ignore[attr-defined] # noqa: SLF001
    sslproto.SSLProtocol.max_size = STREAM_BYTES
