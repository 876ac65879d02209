"""Celery tasks. `DBHEALTH_INSTALL=1 celery -A tasks worker` reports the pool of each process of the worker."""

import os
from typing import Any

import celery
from celery.signals import worker_process_init
from sqlalchemy import create_engine, text

engine = create_engine(os.environ["DATABASE_URL"], pool_size=2, max_overflow=0)
app = celery.Celery("tasks", broker=os.environ["REDIS_URL"])


@worker_process_init.connect  # SQLAlchemy's own rule for processes that fork, with or without reports
def own_connections(**_: Any) -> None:
    """A process of the worker must not use its parent's connections."""
    engine.dispose(close=False)


@app.task
def order() -> None:
    """One query."""
    with engine.connect() as connection:
        connection.execute(text("SELECT now()"))
