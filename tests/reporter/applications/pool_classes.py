"""Every pool class of SQLAlchemy and some of the application's own: they work the same with the reporter."""

import json
import logging
import sys
import threading
import time
from typing import Any, ClassVar

from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import AssertionPool, NullPool, Pool, QueuePool, SingletonThreadPool, StaticPool

SELECT = text("select 1")


class Own(QueuePool):
    """A class of the application's own, with an argument and a recreate of its own."""

    def __init__(self, creator: Any, flavour: str = "plain", **arguments: Any) -> None:
        """Keep the argument."""
        super().__init__(creator, **arguments)
        self.flavour = flavour

    def recreate(self) -> "Own":
        """Drop everything but the flavour, as a careless class does, even the events."""
        return Own(self._creator, flavour=self.flavour, dialect=self._dialect)


class ConstantStatus(QueuePool):
    """A class whose status SQLAlchemy's log does not compute."""

    def status(self) -> str:
        """Return a constant."""
        return "as ever"

    def dispose(self) -> None:
        """Leave the connections to the garbage collector: to close them, SQLAlchemy asks for the size."""


class RaisingSize(ConstantStatus):
    """A class whose `size` raises."""

    def size(self) -> int:
        """Refuse."""
        raise NotImplementedError


class UnknownOverflow(ConstantStatus):
    """A class whose `overflow` returns None."""

    def overflow(self) -> Any:
        """Return no number."""
        return None


class RequiredKeyword(QueuePool):
    """A class that refuses a subclass without a keyword."""

    def __init_subclass__(cls, *, word: str, **options: Any) -> None:
        """Require the keyword."""
        super().__init_subclass__(**options)


class Registry(type):
    """Classes of which there is one of each name."""

    names: ClassVar[set[str]] = set()

    def __new__(cls, name: str, bases: Any, members: Any) -> Any:
        """Refuse a second one."""
        if name in cls.names:
            raise TypeError(f"a second {name}")
        cls.names.add(name)
        return super().__new__(cls, name, bases, members)


class RegisteredClass(QueuePool, metaclass=Registry):
    """A class in such a registry."""


CLASSES: dict[str, Any] = {
    "queue": QueuePool,
    "null": NullPool,
    "static": StaticPool,
    "singleton": SingletonThreadPool,
    "assertion": AssertionPool,
    "own": Own,
    "raising size": RaisingSize,
    "unknown overflow": UnknownOverflow,
    "required keyword": RequiredKeyword,
    "registered class": RegisteredClass,
}


def main(name: str, address: str) -> None:
    """Use a pool of one class."""
    logging.basicConfig(level=logging.WARNING if "quiet" in sys.argv else logging.DEBUG, format="%(message)s")
    cls = CLASSES[name]
    if name == "own":
        plain = make_url(address).difference_update_query(["plugin", "dbhealth_address", "dbhealth_interval"])
        made = create_engine(plain)
        own = Own(made.pool._creator, flavour="sweet", pool_size=2, dialect=made.dialect)
        engine: Any = create_engine(address, pool=own)
    else:
        engine = create_engine(address, poolclass=cls)
    seen: list[str] = []
    event.listen(engine, "checkout", lambda *_: seen.append("checkout"))
    assert isinstance(engine.pool, cls)
    assert type(engine.pool).__name__ == cls.__name__
    if name in ("required keyword", "registered class"):
        assert type(engine.pool) is cls
        assert "_dbhealth" not in vars(engine.pool)
        assert "timed" not in repr(engine.pool._invoke_creator)
    for _ in range(2):
        with engine.connect() as connection:
            connection.execute(SELECT)
        other = threading.Thread(target=lambda: engine.connect().close())
        other.start()
        other.join()
    engine.dispose()
    assert isinstance(engine.pool, cls)
    connection = engine.connect()
    connection.execute(SELECT)
    status = engine.pool.status()
    assert name != "own" or engine.pool.flavour == "sweet"
    assert seen == ["checkout"] * (4 if name == "own" else 5)
    print(json.dumps({"status": status, "kind": Pool.__name__}), flush=True)
    sys.stdin.readline()
    connection.close()
    time.sleep(0.3)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
