"""Everything behind the curtain as one process: starts the parts, breaks and heals them, and ends them all."""

from __future__ import annotations

import argparse
import asyncio
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.demo import processes, scenario
from exporter.demo.actions import BY_NAME
from exporter.demo.play import Play
from exporter.demo.status import Message

if TYPE_CHECKING:
    from collections.abc import Coroutine

BACKLOG = 2**16  # bytes: a terminal that does not read misses statuses, and nothing else


@dataclass(frozen=True, slots=True)
class Ending:
    """Why everything ends."""

    status: int = 0
    failure: str | None = None


class Stage:
    """Connects a play with the terminal: commands come in as words, messages go out as lines."""

    def __init__(self, folder: Path, *, seconds: float | None, scripted: bool) -> None:
        """Play in this folder, for so many seconds or until the end."""
        self._play = Play(folder, say=self._say)
        self._seconds, self._scripted = seconds, scripted
        self._writer: asyncio.StreamWriter | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._end: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()

    async def run(self, terminal: socket.socket) -> int:
        """Play until something ends it; return the exit status."""
        reader, self._writer = await asyncio.open_connection(sock=terminal)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._finish, Ending())
        self._task(self._obey(reader))
        self._task(self._perform())
        ending = await self._end
        self._send(Message(failure=ending.failure, say=None if ending.failure else "ending everything"))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._play.end()
        self._writer.close()
        return ending.status

    async def _perform(self) -> None:
        self._task(self._play.watch_parts())
        links = await self._play.start()
        self._send(Message(links=links))
        self._task(self._show())
        if self._scripted:
            self._finish(Ending(await scenario.tour(self._play, self._tell)))
        elif self._seconds is not None:
            await asyncio.sleep(self._seconds)
            self._finish(Ending())

    async def _show(self) -> None:
        watcher = self._play.watcher
        while True:
            async with watcher.changed:
                await watcher.changed.wait()
            if self._writer is not None and self._writer.transport.get_write_buffer_size() < BACKLOG:
                self._send(Message(status=watcher.status))

    async def _obey(self, reader: asyncio.StreamReader) -> None:
        """Do what the terminal asks for until it is gone."""
        while line := await reader.readline():
            name = line.decode().strip()
            if name in BY_NAME and self._play.ready:
                self._task(self._play.do(name))
        self._finish(Ending())

    def _say(self, text: str) -> None:
        self._send(Message(say=text))

    def _tell(self, text: str) -> None:
        self._send(Message(say=text, scripted=True))

    def _send(self, message: Message) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(message.encode())

    def _finish(self, ending: Ending) -> None:
        if not self._end.done():
            self._end.set_result(ending)

    def _task(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(self._guard(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guard(self, work: Coroutine[None, None, None]) -> None:
        """An error in any part ends everything, in words."""
        try:
            await work
        except Exception as error:  # noqa: BLE001 - the edge of the play
            self._finish(Ending(1, f"{error}" or type(error).__name__))


def main(arguments: list[str]) -> int:
    """Play, and see to it that nothing is left when it is over."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("terminal", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--scenario", action="store_true")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's process decides
    processes.adopt_orphans()

    async def play() -> int:
        stage = Stage(given.folder, seconds=given.seconds, scripted=given.scenario)
        return await stage.run(socket.socket(fileno=given.terminal))

    try:
        return asyncio.run(play())
    finally:
        processes.clear(given.folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
