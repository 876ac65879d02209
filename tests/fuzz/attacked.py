"""An exporter that is attacked again and again: what holds after each input, whatever it was."""

from tests.fuzz.texts import tells
from tests.support.exporter import Exporter
from tests.support.waiting import until


class Attacked:
    """An exporter, the log that it has written since the last input, and the sockets that it held at first."""

    def __init__(self, exporter: Exporter, *, sockets: int) -> None:
        """Note what it holds; `sockets` is how many more it may hold for good."""
        self.exporter = exporter
        self._most = exporter.holdings().sockets + sockets
        self._read = 0

    def new_log(self) -> str:
        """Return what it has logged since the last call, which holds no traceback and no secret."""
        log = self.exporter.log()
        new, self._read = log[self._read :], len(log)
        assert "Traceback" not in new, new
        assert not tells(new)
        return new

    def is_well(self, *, within: float) -> None:
        """Assert that it is alive, and that it closes what the input has opened."""
        assert self.exporter.get("/livez").status == 200
        until(lambda: self.exporter.holdings().sockets <= self._most, within=within, what="sockets are closed")
