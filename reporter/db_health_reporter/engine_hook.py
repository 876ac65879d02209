"""Hooks `create_engine` by the plugins that SQLAlchemy's URL class loads, so that every imported name of it is hooked.

The engine's constructor cannot be wrapped: `create_engine` reads its signature to tell its own arguments apart.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # as typing's: this module is imported before the application, and must cost nothing
if TYPE_CHECKING:
    from typing import Any, Callable

URL_MODULE = "sqlalchemy.engine.url"
_MARK = "_dbhealth"


def hook_engines(url_class: Any, on_engine: Callable[[Any], None]) -> None:
    """Call `on_engine` with each engine that is made from now on; a second hook changes nothing."""
    if is_hooked(url_class):
        return
    load = url_class._instantiate_plugins  # since 1.4; tests/reporter/test_plugin.py fails where it is gone

    def load_and_add_hook(self: Any, *arguments: Any, **named: Any) -> Any:
        url, plugins, options = load(self, *arguments, **named)
        return url, [*plugins, _Hook(on_engine)], options  # after the URL's own plugin, whose settings count

    setattr(load_and_add_hook, _MARK, True)
    url_class._instantiate_plugins = load_and_add_hook


def hook_engines_when_imported(on_engine: Callable[[Any], None]) -> None:
    """Do the same without importing SQLAlchemy before the application does."""
    module = sys.modules.get(URL_MODULE)
    if module is not None:
        hook_engines(module.URL, on_engine)
    elif not any(isinstance(finder, _UrlModuleFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _UrlModuleFinder(on_engine))


def is_hooked(url_class: Any) -> bool:
    """Return whether engines are hooked."""
    return hasattr(getattr(url_class, "_instantiate_plugins", None), _MARK)


class _Hook:
    """A plugin, as `create_engine` calls it."""

    def __init__(self, on_engine: Callable[[Any], None]) -> None:
        self.engine_created = on_engine

    def handle_dialect_kwargs(self, *_: object) -> None:
        """Leave the dialect's arguments as they are."""

    def handle_pool_kwargs(self, *_: object) -> None:
        """Leave the pool's arguments as they are."""


class _UrlModuleFinder:
    """Finds SQLAlchemy's module as the other finders do, and hooks its class once the module has run."""

    def __init__(self, on_engine: Callable[[Any], None]) -> None:
        self._on_engine = on_engine

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Return the module's spec with a loader that calls `hook_engines`."""
        if name != URL_MODULE:
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
        if module.__name__ == URL_MODULE:  # a loader of a ZIP file loads other modules, too
            hook_engines(module.URL, on_engine)

    loader.exec_module = exec_module
