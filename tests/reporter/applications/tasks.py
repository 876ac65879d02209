"""A Celery application whose tasks use a database; its queue is a folder."""

import os
from typing import Any

import celery  # type: ignore[import-not-found] # in its own environment only
from celery.signals import worker_process_init  # type: ignore[import-not-found]
from sqlalchemy import create_engine, text

SELECT = text("select 1")
folder = os.environ["QUEUE"]
engine = create_engine(os.environ["URL"])
app: Any = celery.Celery(
    "tasks",
    broker="filesystem://",
    broker_transport_options={"data_folder_in": folder, "data_folder_out": folder, "control_folder": folder},
    worker_prefetch_multiplier=1,
)


@worker_process_init.connect  # type: ignore[untyped-decorator]
def own_connections(**_: object) -> None:
    """Drop the parent's connections."""
    engine.dispose(close=False)


@app.task  # type: ignore[untyped-decorator]
def order() -> None:
    """One query."""
    with engine.connect() as connection:
        connection.execute(SELECT)
