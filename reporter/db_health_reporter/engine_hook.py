"""Hooks the constructor of SQLAlchemy's engines."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # as typing's: this module is imported before the application, and must cost nothing
if TYPE_CHECKING:
    from typing import Any, Callable

ENGINE_MODULE = "sqlalchemy.engine.base"


def hook_engines(engine_class: Any, on_engine: Callable[[Any], None]) -> None:
    """Call `on_engine` with each engine that is made from now on; a second hook changes nothing."""
    if is_hooked(engine_class):
        return
    create = engine_class.__init__

    def create_and_report(self: Any, *arguments: Any, **named: Any) -> None:
        create(self, *arguments, **named)
        on_engine(self)

    create_and_report.__wrapped__ = create  # type: ignore[attr-defined] # what `inspect.signature` reads
    create_and_report._dbhealth = True  # type: ignore[attr-defined] # tells the second call
    engine_class.__init__ = create_and_report


def hook_engines_when_imported(on_engine: Callable[[Any], None]) -> None:
    """Do the same without importing SQLAlchemy before the application does."""
    module = sys.modules.get(ENGINE_MODULE)
    if module is not None:
        hook_engines(module.Engine, on_engine)
    elif not any(isinstance(finder, _EngineModuleFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _EngineModuleFinder(on_engine))


class _EngineModuleFinder:
    """Finds SQLAlchemy's module as the other finders do, and hooks its class once the module has run."""

    def __init__(self, on_engine: Callable[[Any], None]) -> None:
        self._on_engine = on_engine

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Return the module's spec with a loader that calls `hook_engines`."""
        if name != ENGINE_MODULE:
            return None
        sys.meta_path.remove(self)
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find is not None else None
            if spec is not None:
                _hook_after(spec.loader, self._on_engine)
                return spec
        return None


def _hook_after(loader: Any, on_engine: Callable[[Any], None]) -> None:
    execute = loader.exec_module

    def exec_module(module: Any) -> None:
        execute(module)
        if module.__name__ == ENGINE_MODULE:  # a loader of a ZIP file loads other modules, too
            hook_engines(module.Engine, on_engine)

    loader.exec_module = exec_module


def is_hooked(engine_class: Any) -> bool:
    """Tell whether the constructor is hooked."""
    return hasattr(engine_class.__init__, "_dbhealth")
