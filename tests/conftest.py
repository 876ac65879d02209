"""Fixtures that several folders of tests use: the server_factory, servers, proxies and the exporter itself."""

import gc
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack

import pytest

from tests.support import network, postgres
from tests.support.background import Background
from tests.support.certificates import Authority
from tests.support.client import StallDetector
from tests.support.disk import TinyDisk
from tests.support.exporter import Exporter
from tests.support.postgres import Postgres
from tests.support.resolver import Resolver
from tests.support.server_factory import ServerFactory
from tests.support.template import Template, make_template

# What `make test` tries once, `make test-all` tries in every variant: the second driver, older SQLAlchemy versions.
VARIANTS = {"driver": {"psycopg", "psycopg_async"}, "version": {"1.4", "2.0"}}

StartExporter = Callable[..., Exporter]
StartPostgres = Callable[..., Postgres]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--all` and `--extended`: the variants and the tests marked `extended`, beside the others or alone."""
    parser.addoption("--all", action="store_true", help="also the variants of a test and those marked `extended`")
    parser.addoption("--extended", action="store_true", help="only what is not run without `--all`")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep what collecting makes from the garbage collector: to scan it again and again took a sixth of `make unit`."""
    gc.disable()
    done = yield
    gc.freeze()
    gc.enable()
    return done


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without `--all`, leave out the extended tests; with `--extended`, all others."""
    if config.getoption("--all"):
        return
    wanted = bool(config.getoption("--extended"))
    selected: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for item in items:
        (selected if is_extended(item) is wanted else others).append(item)
    config.hook.pytest_deselected(items=others)
    items[:] = selected


def is_extended(item: pytest.Item) -> bool:
    """Whether `make test-all` alone runs this test: a variant of one that `make test` runs, or a long one."""
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    variant = any(parameters.get(name) in values for name, values in VARIANTS.items())
    return variant or item.get_closest_marker("extended") is not None or _is_beyond_the_sample(item)


def _is_beyond_the_sample(item: pytest.Item) -> bool:
    """Whether this row of a test's table comes after the first ones, which `make test` runs."""
    marker = item.get_closest_marker("sampled")
    if marker is None:
        return False
    indices: dict[str, int] = getattr(getattr(item, "callspec", None), "indices", {})
    return max((index for name, index in indices.items() if name not in VARIANTS), default=0) >= int(marker.args[0])


@pytest.fixture(scope="session")
def server_factory() -> Iterator[ServerFactory]:
    """The factory of all servers of this run; they end with it."""
    place = ServerFactory()
    yield place
    place.close()


@pytest.fixture(scope="session")
def template(server_factory: ServerFactory) -> Template:
    """One `initdb` for the whole run."""
    return make_template(server_factory, server_factory.binaries)


@pytest.fixture(scope="session")
def tls_template(server_factory: ServerFactory) -> Template:
    """The same with the distribution's server, which has TLS."""
    return make_template(server_factory, server_factory.system_binaries)


@pytest.fixture(scope="session")
def background() -> Iterator[Background]:
    """An event loop for proxies and fake servers."""
    loop = Background()
    yield loop
    loop.close()


@pytest.fixture(scope="session")
def stall_detector() -> Iterator[StallDetector]:
    """Detects when the machine itself stood still."""
    watch = StallDetector()
    yield watch
    watch.close()


@pytest.fixture(scope="session")
def subnets() -> Iterator[str]:
    """Addresses for the tests' own networks."""
    return network.subnets()


@pytest.fixture(scope="session")
def authority() -> Authority:
    """The authority that signs the tests' certificates."""
    return Authority()


@pytest.fixture
def cleanup() -> Iterator[ExitStack]:
    """Ends what a test has started, in reverse order."""
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
def net(server_factory: ServerFactory, subnets: Iterator[str], cleanup: ExitStack) -> network.Network:
    """A network of the test's own."""
    made = network.Network(server_factory, next(subnets))
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
    """A healthy PostgreSQL with TLS and a certificate for its address."""
    made = tls_template.copy()
    cleanup.callback(made.close)
    made.serve_tls(authority.server("127.0.0.1"))
    made.start()
    return made


@pytest.fixture
def resolver(server_factory: ServerFactory, cleanup: ExitStack) -> Resolver:
    """A name server of the test's own."""
    made = Resolver(server_factory)
    cleanup.callback(made.close)
    return made


@pytest.fixture
def tiny_disk(server_factory: ServerFactory) -> TinyDisk:
    """A disk of a few pages."""
    return TinyDisk(server_factory)


@pytest.fixture(params=list(postgres.SCHEMES))
def driver(request: pytest.FixtureRequest) -> str:
    """Each driver in turn."""
    return str(request.param)


@pytest.fixture
def start_exporter(
    server_factory: ServerFactory, stall_detector: StallDetector, cleanup: ExitStack
) -> Iterator[StartExporter]:
    """Start the exporter with an environment; no fault may leave a traceback on its log."""
    started: list[Exporter] = []

    def start(url: str | None = None, *, prefix: tuple[str, ...] = (), **environment: str) -> Exporter:
        if url is not None:
            environment["DATABASE_URL"] = url
        made = Exporter(server_factory, environment, stall_detector=stall_detector, prefix=prefix)
        started.append(made)
        cleanup.callback(made.close)
        return made

    yield start
    assert [line for made in started for line in made.complaints()] == []
