"""The address for reports: UDP or a Unix socket's file, parsed once."""

import pytest

from exporter.model.listen_address import ListenAddress


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9851", ListenAddress("127.0.0.1", 9851)),
        ("127.0.0.1:9851/udp", ListenAddress("127.0.0.1", 9851)),
        ("[::1]:0/udp", ListenAddress("::1", 0)),
        ("localhost:65535", ListenAddress("localhost", 65535)),
        ("unix:/run/pools.sock", ListenAddress(path="/run/pools.sock")),
    ],
)
def test_address_is_understood(text: str, address: ListenAddress) -> None:
    """An IPv6 host loses its brackets."""
    assert ListenAddress.parse(text) == address


@pytest.mark.parametrize("text", ["", "here", ":9851", "host:", "host:x", "host:65536", "1.2.3.4:5/tcp", "off"])
def test_anything_else_is_refused(text: str) -> None:
    """One sentence names the three forms."""
    with pytest.raises(ValueError, match="expected host:port, host:port/udp or unix:/path"):
        ListenAddress.parse(text)
