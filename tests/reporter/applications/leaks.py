"""An application that leaks three connections, and holds a fourth on purpose."""

import sys

import db_health_reporter
from sqlalchemy import Connection, Engine, create_engine


def listen(engine: Engine) -> Connection:
    """Hold a connection for notifications."""
    connection = engine.connect()
    db_health_reporter.long_lived(connection)
    return connection


def export(engine: Engine) -> Connection:
    """Leak a connection."""
    return engine.connect()


def report(engine: Engine) -> Connection:
    """Leak another one."""
    return engine.connect()


def cart(engine: Engine) -> Connection:
    """Leak a third one."""
    return engine.connect()


if __name__ == "__main__":
    the_engine = create_engine(sys.argv[1], pool_size=9)
    held = [step(the_engine) for step in (listen, export, report, cart)]
    sys.stdin.readline()
