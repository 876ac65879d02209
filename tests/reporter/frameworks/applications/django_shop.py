"""A Django site with SQLAlchemy beside its own ORM, which uses SQLite here."""

import os
from typing import Any

from django.conf import settings  # type: ignore[import-not-found] # in its own environment only

settings.configure(
    SECRET_KEY="only here",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
)

from django.core.wsgi import get_wsgi_application  # type: ignore[import-not-found]  # noqa: E402
from django.db import connection as own_connection  # type: ignore[import-not-found]  # noqa: E402
from django.http import HttpResponse  # type: ignore[import-not-found]  # noqa: E402
from django.urls import path  # type: ignore[import-not-found]  # noqa: E402
from sqlalchemy import create_engine, text  # noqa: E402

engine: Any = create_engine(os.environ["DATABASE_URL"])


def alive(_request: Any) -> Any:
    """Answer without a database."""
    return HttpResponse("alive")


def use(_request: Any) -> Any:
    """One query with each."""
    with own_connection.cursor() as cursor:
        cursor.execute("select 1")
    with engine.connect() as connection:
        connection.execute(text("select 1"))
    return HttpResponse(str(os.getpid()))


urlpatterns = [path("alive", alive), path("", use)]
application = get_wsgi_application()
