"""A Celery application; its queue is a folder."""

import os
from typing import Any

import celery  # type: ignore[import-not-found] # in its own environment only
from sqlalchemy import create_engine, text

folder = os.environ["QUEUE"]
engine: Any = create_engine(os.environ["DATABASE_URL"], pool_size=1, max_overflow=0)
app: Any = celery.Celery(
    "celery_shop",
    broker="filesystem://",
    broker_transport_options={"data_folder_in": folder, "data_folder_out": folder, "control_folder": folder},
    worker_prefetch_multiplier=1,
)


@app.task  # type: ignore[untyped-decorator]
def order() -> None:
    """One query."""
    with engine.connect() as connection:
        connection.execute(text("select 1"))
