"""Frameworks that make the application's engines, or have an ORM of their own."""

from tests.reporter.frameworks.conftest import Serve, line_of, location, workers
from tests.support.exporter import Exporter
from tests.support.waiting import until


def pools(exporter: Exporter) -> set[str]:
    """The names of the application's pools."""
    return {dict(have)["pool"] for (_, have) in exporter.samples("dbhealth_pool_size")} - {"sidecar"}


def test_flask_sqlalchemy_binds_have_names_of_their_own(serve: Serve) -> None:
    """Each bind has a name of its own, and a leak is the view's line."""
    web = serve("gunicorn", "-w", "1", "-b", "127.0.0.1:{port}", "flask_shop:app")

    web.get("/all")
    until(lambda: len(pools(web.exporter)) == 3, within=5, what="three pools")
    web.get("/leak")
    until(lambda: location(web.exporter), within=5, what="a place")

    assert pools(web.exporter) == {"app", "app-2", "reports"}
    assert location(web.exporter) == line_of("flask_shop.py", "session().connection()", "leak")


def test_django_reports_only_sqlalchemys_engine(serve: Serve) -> None:
    """Only the SQLAlchemy engine beside Django's ORM is reported."""
    web = serve("gunicorn", "-w", "1", "-b", "127.0.0.1:{port}", "django_shop")

    web.get_often(5)

    until(lambda: len(workers(web.exporter)) == 1, within=5, what="a worker")
    until(
        lambda: web.exporter.sample("dbhealth_pool_use_seconds_count", pool="app") == 5, within=5, what="five checkouts"
    )
    assert pools(web.exporter) == {"app"}
