"""A Django site with SQLAlchemy beside its own ORM, whose connections are not pooled by SQLAlchemy and so not reported.

`DBHEALTH_INSTALL=1 gunicorn --workers 2 shop` reports the engine's pool; nothing here knows of it.
"""

import os

from django.conf import settings

settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY=os.environ.get("SECRET_KEY", "set-one"))

from django.core.wsgi import get_wsgi_application  # noqa: E402  after the settings
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.urls import path  # noqa: E402
from sqlalchemy import create_engine, text  # noqa: E402

engine = create_engine(os.environ["DATABASE_URL"], pool_size=5, max_overflow=0)  # in a module, so every worker has it


def alive(_request: HttpRequest) -> HttpResponse:
    """Answer without the database: what its state is, the exporter tells."""
    return HttpResponse("alive")


def orders(_request: HttpRequest) -> HttpResponse:
    """One query."""
    with engine.connect() as connection:
        return HttpResponse(str(connection.scalar(text("SELECT now()"))))


urlpatterns = [path("alive", alive), path("", orders)]
application = get_wsgi_application()
