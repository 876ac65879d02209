"""SQLAlchemy's asynchronous engine without its ORM: 5 MB that a sidecar does not carry unless it writes."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

PACKAGE = "sqlalchemy.ext.asyncio"


def _register_unloaded() -> None:
    """Put the package into `sys.modules` without running its `__init__`, which imports the ORM beside the engine."""
    if PACKAGE in sys.modules:
        return
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.loader is None:
        raise ImportError(f"{PACKAGE} is missing: install sqlalchemy[asyncio]")
    sys.modules[PACKAGE] = importlib.util.module_from_spec(spec)


def _load_on_demand() -> None:
    """Let the first public name that anybody asks of the package run what was left out.

    So `from sqlalchemy.ext.asyncio import AsyncSession` works as ever, in `sessions` and anywhere else.
    """
    package = sys.modules[PACKAGE]

    def load(name: str) -> Any:
        if name.startswith("_") or package.__spec__ is None or package.__spec__.loader is None:
            raise AttributeError(name)
        del package.__dict__["__getattr__"]
        package.__spec__.loader.exec_module(package)
        return getattr(package, name)

    if "AsyncSession" not in package.__dict__:
        package.__dict__["__getattr__"] = load


_register_unloaded()

from sqlalchemy.ext.asyncio.engine import AsyncConnection, AsyncEngine, create_async_engine  # noqa: E402 - the point

_load_on_demand()

__all__ = ["AsyncConnection", "AsyncEngine", "create_async_engine"]
