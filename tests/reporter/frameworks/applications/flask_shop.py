"""Flask-SQLAlchemy with a bind to the same database."""

import os
from typing import Any

from flask import Flask  # type: ignore[import-not-found] # in its own environment only
from flask_sqlalchemy import SQLAlchemy  # type: ignore[import-not-found]
from sqlalchemy import text

app: Any = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
app.config["SQLALCHEMY_BINDS"] = {
    "reports": {"url": os.environ["DATABASE_URL"], "pool_logging_name": "reports"},
    "archive": {"url": os.environ["DATABASE_URL"] + "?application_name=archive"},
}
database: Any = SQLAlchemy(app)


@app.get("/alive")  # type: ignore[untyped-decorator]
def alive() -> str:
    """Answer without the database."""
    return "alive"


@app.get("/")  # type: ignore[untyped-decorator]
def use() -> str:
    """One query with the main bind."""
    database.session.execute(text("select 1"))
    return str(os.getpid())


@app.get("/all")  # type: ignore[untyped-decorator]
def use_all() -> str:
    """One query with each bind."""
    for name in ("archive", "reports", None):
        with database.engines[name].connect() as connection:
            connection.execute(text("select 1"))
    return "all"


@app.get("/leak")  # type: ignore[untyped-decorator]
def leak() -> str:
    """Keep a session's connection beyond the request."""
    app.config.setdefault("HELD", []).append(database.session().connection())
    database.session.registry.clear()
    return "leaked"
