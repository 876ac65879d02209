"""SQLAlchemy's asynchronous engine, imported without the ORM: saves 5 MB unless the write probe needs it."""

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
    """Run the package's `__init__` when a public name is first imported from it.

    So `from sqlalchemy.ext.asyncio import AsyncSession` works as usual, in `sessions` and anywhere else.
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
