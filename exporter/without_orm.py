"""SQLAlchemy's asynchronous engine without its ORM: 5 MB that a sidecar does not carry unless it writes."""

from __future__ import annotations

import importlib.util
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

PACKAGE = "sqlalchemy.ext.asyncio"


def _register_unloaded() -> None:
    """Put the package into `sys.modules` without running its `__init__`, which imports the ORM beside the engine.

    The first public name that anybody asks of it runs what was left out, so that
    `from sqlalchemy.ext.asyncio import AsyncSession` works as ever.
    """
    if PACKAGE in sys.modules:
        return
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.loader is None:
        raise ImportError(f"{PACKAGE} is missing: install sqlalchemy[asyncio]")
    package = sys.modules[PACKAGE] = importlib.util.module_from_spec(spec)
    package.__dict__["__getattr__"] = lambda name: _load(package, name)


def _load(package: ModuleType, name: str) -> Any:  # noqa: ANN401 - whatever the module holds
    if name.startswith("_") or package.__spec__ is None or package.__spec__.loader is None:
        raise AttributeError(name)
    del package.__dict__["__getattr__"]
    package.__spec__.loader.exec_module(package)
    return getattr(package, name)


_register_unloaded()

from sqlalchemy.ext.asyncio.engine import (  # noqa: E402 - the order is the point
    AsyncConnection as AsyncConnection,
)
from sqlalchemy.ext.asyncio.engine import (  # noqa: E402
    AsyncEngine as AsyncEngine,
)
from sqlalchemy.ext.asyncio.engine import (  # noqa: E402
    create_async_engine as create_async_engine,
)
