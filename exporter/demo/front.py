"""The process that the user started: shows what the stage tells, passes keys on, and leaves nothing behind."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.demo import parts, processes
from exporter.demo.actions import BY_KEY
from exporter.demo.show import Lines, Live
from exporter.demo.status import Message
from exporter.demo.terminal import Terminal

if TYPE_CHECKING:
    from types import FrameType

ENDS_WITHIN = 10.0  # seconds that the stage has to clear up before it is done from here
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TICK = 0.5  # seconds
QUIT = ("q", "\x04")


class Front:
    """Runs the stage as a child in a session of its own, so that what hits the terminal's group does not hit it."""

    def __init__(self, folder: Path, *, arguments: list[str], plain: bool) -> None:
        """Make room for a stage in this folder; nothing runs yet."""
        self._folder = folder
        self._arguments = arguments
        self._terminal = Terminal()
        live = self._terminal.live and not plain
        self._show = Live(self._terminal) if live else Lines(self._terminal, scripted=plain)
        self._selector = selectors.DefaultSelector()
        self._received = b""
        self._wanted = True
        self._stage: subprocess.Popen[bytes] | None = None
        self._line, self._far = socket.socketpair()

    def run(self) -> int:
        """Play until the stage ends, or until somebody wants it to; return the exit status."""
        processes.adopt_orphans()
        wake, alarm = socket.socketpair()
        for end in (wake, alarm):
            end.setblocking(False)
        signal.set_wakeup_fd(alarm.fileno())
        for each in SIGNALS:
            signal.signal(each, self._stop)
        signal.signal(signal.SIGTSTP, self._pause)
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # the shell may have its terminal back before we have left it
        try:
            self._terminal.enter()
            self._start()
            self._selector.register(wake, selectors.EVENT_READ, lambda: wake.recv(64))
            self._listen()
        finally:
            status = self._end()
            signal.set_wakeup_fd(-1)
        return status

    def _start(self) -> None:
        command = parts.python("exporter.demo.stage", str(self._folder), str(self._far.fileno()), *self._arguments)
        self._stage = subprocess.Popen(  # noqa: S603 - our own module
            command,
            env={**os.environ, **parts.our_path()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=[self._far.fileno()],
        )
        self._far.close()
        self._selector.register(self._line, selectors.EVENT_READ, self._receive)
        if self._terminal.keyboard is not None:
            self._selector.register(self._terminal.keyboard, selectors.EVENT_READ, self._press)

    def _listen(self) -> None:
        while self._wanted:
            for key, _ in self._selector.select(TICK):
                key.data()
            self._show.refresh()

    def _receive(self) -> None:
        data = self._line.recv(2**16)
        if not data:  # the stage is gone
            self._wanted = False
            return
        *lines, self._received = (self._received + data).split(b"\n")
        for line in lines:
            self._show.take(Message.decode(line))

    def _press(self) -> None:
        typed = self._terminal.key()
        if not typed and self._terminal.keyboard is not None:  # hung up, or at its end
            self._selector.unregister(self._terminal.keyboard)
            self._wanted = False
        for key in typed.lower():
            if key in QUIT:
                self._wanted = False
            elif key in BY_KEY:
                self._line.sendall(f"{BY_KEY[key].name}\n".encode())

    def _stop(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._wanted = False

    def _pause(self, number: int, frame: FrameType | None) -> None:
        """Give the terminal back while the job is stopped; the stage plays on."""
        del number, frame
        self._terminal.leave()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._terminal.enter()

    def _end(self) -> int:
        """Have the stage end everything; do it from here if the stage cannot any more."""
        self._show.ending()
        self._terminal.leave()
        if self._stage is None:
            return 1
        self._line.shutdown(socket.SHUT_WR)
        limit = time.monotonic() + ENDS_WITHIN
        while self._stage.poll() is None and time.monotonic() < limit:
            self._hear_out(limit)
        status = self._stage.poll()
        processes.clear(self._folder)
        self._show.farewell()
        if status is None or status < 0:
            sys.stderr.write("db-health-exporter demo: it was ended from outside; what was left is cleared away\n")
            return 1
        return status

    def _hear_out(self, limit: float) -> None:
        """Take the stage's last words."""
        self._line.settimeout(max(0.01, min(0.1, limit - time.monotonic())))
        try:
            while data := self._line.recv(2**16):
                *lines, self._received = (self._received + data).split(b"\n")
                for line in lines:
                    self._show.take(Message.decode(line))
            time.sleep(0.01)  # it has said everything and is about to end
        except OSError:
            return


def play(arguments: list[str], *, plain: bool) -> int:
    """Play in a temporary folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="dbhealth-demo-"))
    folder.chmod(0o711)  # the database's user must pass through
    return Front(folder, arguments=arguments, plain=plain).run()
