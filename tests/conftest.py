"""Fixtures that several folders of tests use: the workshop, servers, proxies and the exporter itself."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.servers import network, postgres
from tests.servers.background import Background
from tests.servers.certificates import Authority
from tests.servers.client import Stalls
from tests.servers.disk import TinyDisk
from tests.servers.exporter import Exporter
from tests.servers.postgres import Postgres
from tests.servers.resolver import Resolver
from tests.servers.template import Template, make_template
from tests.servers.workshop import Workshop

StartExporter = Callable[..., Exporter]
StartPostgres = Callable[..., Postgres]


@pytest.fixture(scope="session")
def workshop() -> Iterator[Workshop]:
    """Where every server of this run lives and ends."""
    place = Workshop()
    yield place
    place.close()


@pytest.fixture(scope="session")
def template(workshop: Workshop) -> Template:
    """One `initdb` for the whole run."""
    return make_template(workshop, workshop.binaries)


@pytest.fixture(scope="session")
def tls_template(workshop: Workshop) -> Template:
    """The same with the distribution's server."""
    return make_template(workshop, workshop.system_binaries)


@pytest.fixture(scope="session")
def background() -> Iterator[Background]:
    """An event loop for proxies and impostors."""
    loop = Background()
    yield loop
    loop.close()


@pytest.fixture(scope="session")
def stalls() -> Iterator[Stalls]:
    """Knows when the machine itself stood still."""
    watch = Stalls()
    yield watch
    watch.close()


@pytest.fixture(scope="session")
def subnets() -> Iterator[str]:
    """Addresses for the tests' own networks."""
    return network.subnets()


@pytest.fixture(scope="session")
def authority() -> Authority:
    """Signs certificates."""
    return Authority()


@pytest.fixture
def cleanup() -> Iterator[ExitStack]:
    """What a test starts is ended in reverse order."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def start_postgres(template: Template, cleanup: ExitStack) -> StartPostgres:
    """Start a cluster of the test's own, with parameters."""

    def start(**settings: str | float) -> Postgres:
        server = template.copy()
        cleanup.callback(server.close)
        server.configure(**settings)
        server.start()
        return server

    return start


@pytest.fixture
def server(start_postgres: StartPostgres) -> Postgres:
    """A healthy PostgreSQL of the test's own."""
    return start_postgres()


@pytest.fixture
def net(workshop: Workshop, subnets: Iterator[str], cleanup: ExitStack) -> network.Network:
    """A network of the test's own."""
    made = network.Network(workshop, next(subnets))
    cleanup.callback(made.close)
    return made


@pytest.fixture
def far_server(template: Template, net: network.Network, cleanup: ExitStack) -> Postgres:
    """A healthy PostgreSQL in that network."""
    made = template.copy(host=net.inside, prefix=net.prefix)
    cleanup.callback(made.close)
    made.start()
    return made


@pytest.fixture
def tls_server(tls_template: Template, authority: Authority, cleanup: ExitStack) -> Postgres:
    """A healthy PostgreSQL that speaks TLS with a certificate for its address."""
    made = tls_template.copy()
    cleanup.callback(made.close)
    made.serve_tls(authority.server("127.0.0.1"))
    made.start()
    return made


@pytest.fixture
def resolver(workshop: Workshop, cleanup: ExitStack) -> Resolver:
    """A name server of the test's own."""
    made = Resolver(workshop)
    cleanup.callback(made.close)
    return made


@pytest.fixture
def tiny_disk(workshop: Workshop) -> TinyDisk:
    """Room for a few pages."""
    return TinyDisk(workshop)


@pytest.fixture(params=list(postgres.SCHEMES))
def driver(request: pytest.FixtureRequest) -> str:
    """Each driver in turn."""
    return str(request.param)


@pytest.fixture
def start_exporter(workshop: Workshop, stalls: Stalls, cleanup: ExitStack) -> StartExporter:
    """Start the exporter with an environment; keywords `prefix` and `arguments` as `Exporter` has them."""

    def start(url: str | None = None, *, prefix: tuple[str, ...] = (), **environment: str) -> Exporter:
        if url is not None:
            environment["DATABASE_URL"] = url
        made = Exporter(workshop, environment, stalls=stalls, prefix=prefix)
        cleanup.callback(made.close)
        return made

    return start
