"""A disk of a few megabytes that a test can fill, seen only by the server that runs on it."""

import errno
import os
from pathlib import Path

from tests.support.needs import need_root, need_tools
from tests.support.postgres import Postgres
from tests.support.server_factory import NOBODY, ServerFactory


class TinyDisk:
    """Memory mounted in the server's own mount namespace; it ends with the server."""

    def __init__(self, server_factory: ServerFactory, *, megabytes: int = 2) -> None:
        """Choose the place; the server started with `prefix` mounts it."""
        need_root()
        need_tools("unshare", "mount")
        self.path = server_factory.folder("disk", private=True)
        options = f"size={megabytes}m,uid={NOBODY},gid={NOBODY},mode=700"
        mount = f'mount -t tmpfs -o {options} tmpfs {self.path} && exec "$@"'
        self.prefix = ["unshare", "--mount", "sh", "-c", mount, "sh"]

    def fill(self, server: Postgres) -> None:
        """Fill the disk to the last byte."""
        descriptor = os.open(self._filler(server), os.O_WRONLY | os.O_CREAT)
        try:
            while True:
                os.write(descriptor, bytes(4096))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        finally:
            os.close(descriptor)

    def clear(self, server: Postgres) -> None:
        """Make room again."""
        self._filler(server).unlink()

    def _filler(self, server: Postgres) -> Path:
        return Path(f"/proc/{server.process.pid}/root{self.path}/filler")
