"""Loads the file and what it names, and tells when any of them has changed."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.web.config.model import WebConfig, WebConfigError
from exporter.web.config.tls import make_context

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

PARSE_SECONDS = 10.0  # a file of a megabyte takes 2

# Of each file its inode, size and time of change, permissions included; None where it is missing. A swapped symbolic
# link, as Kubernetes swaps `..data`, leads to other inodes.
Fingerprint = tuple[tuple[int, int, int] | None, ...]


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """A configuration that can be used."""

    config: WebConfig
    context: ssl.SSLContext | None  # None serves plain HTTP

    @classmethod
    def make(cls, config: WebConfig, path: str) -> LoadedConfig:
        """Read the certificates.

        Raises:
            WebConfigError: one of them cannot be used; the sentence names the file and the key.
        """
        try:
            return cls(config, None if config.tls is None else make_context(config.tls))
        except WebConfigError as error:
            raise WebConfigError(f"WEB_CONFIG_FILE {path}: {error}") from None


def fingerprint(files: Iterable[str]) -> Fingerprint:
    """Return what changes when a file does."""
    found: list[tuple[int, int, int] | None] = []
    for each in files:
        try:
            stat = Path(each).stat()
        except (OSError, ValueError):
            found.append(None)
        else:
            found.append((stat.st_ino, stat.st_size, stat.st_ctime_ns))
    return tuple(found)


async def parse_in_child(path: str) -> WebConfig:
    """Parse the file in a process of its own, which takes PyYAML's memory with it.

    Raises:
        WebConfigError: what is wrong, in a sentence that names the file and the key.
    """
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "exporter.web.config.parse", path, stdout=asyncio.subprocess.PIPE, process_group=0
    )
    try:
        async with asyncio.timeout(PARSE_SECONDS):
            answer, _ = await child.communicate()
    except TimeoutError:
        raise WebConfigError(f"WEB_CONFIG_FILE {path}: not parsed within {PARSE_SECONDS:g} s") from None
    finally:
        if child.returncode is None:
            with suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    if child.returncode:
        raise WebConfigError(f"WEB_CONFIG_FILE {path}: its parser ended with status {child.returncode}")
    if answer.startswith(b'{"problem"'):
        raise WebConfigError(json.loads(answer)["problem"])
    return WebConfig.from_json(answer)
