"""The recipes of docs/beside-what-you-have.md that need no cluster, as the page has them."""

import configparser
import re
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conftest import StartExporter
from tests.support import certificates
from tests.support.certificates import Authority
from tests.support.command import run
from tests.support.pgbouncer import PgBouncer
from tests.support.postgres import Postgres
from tests.support.server_factory import ServerFactory
from tests.support.waiting import until

PAGE = (Path(__file__).parents[2] / "docs/beside-what-you-have.md").read_text()
URLS = re.findall(r"^\| `(postgres\S+)` \| (.*) \|$", PAGE, re.MULTILINE)


def parameters(url: str) -> dict[str, str]:
    """A URL's parameters."""
    return dict(each.split("=", 1) for each in urlsplit(url).query.split("&"))


@pytest.mark.extended
@pytest.mark.parametrize(("url", "says"), URLS, ids=[urlsplit(url).netloc.split("@")[1] for url, _ in URLS])
def test_the_urls_of_hosted_databases(tls_server: Postgres, url: str, says: str) -> None:
    """What a console shows connects, over TLS where it says so, and what is left out is one line."""
    done = run("check", "--explain", DATABASE_URL=tls_server.url(**parameters(url)))  # type: ignore[arg-type]

    assert done.returncode == 0, done.stdout + done.stderr
    assert "all stages passed" in done.stdout
    notes = [line for line in done.stdout.splitlines() if "[!]" in line and "settings" in line]
    assert len(notes) == (0 if says.endswith("nothing to say") else 1)
    words = {"channel": "channel_binding", "workaround": "workaround"}
    assert all(name in notes[0] for word, name in words.items() if word in says)


def test_there_are_urls_of_hosted_databases() -> None:
    """The test above would pass without any."""
    assert len(URLS) == 3


@pytest.mark.extended
def test_the_authority_of_rds(
    tls_server: Postgres, authority: Authority, start_exporter: StartExporter, tmp_path: Path
) -> None:
    """The page's URL, with an authority that no system trusts: misconfigured without the file, healthy with it."""
    [query] = re.findall(r"postgresql://USER:PASSWORD@HOST:5432/orders\?(\S+)", PAGE)
    file = tmp_path / "global-bundle.pem"
    given = {**parameters(f"x://?{query}"), "sslrootcert": str(file)}
    exporter = start_exporter(tls_server.url(**given))  # type: ignore[arg-type]
    exporter.wait_for_verdict("misconfigured", within=5)

    certificates.write(tmp_path, file.name, authority.certificate)

    exporter.wait_for_verdict("healthy", within=10)


@pytest.mark.extended
def test_an_authority_for_the_whole_container(
    tls_server: Postgres, authority: Authority, start_exporter: StartExporter, tmp_path: Path, driver: str
) -> None:
    """SSL_CERT_FILE says which authorities `sslrootcert=system` means, as values.yaml says; PGSSLROOTCERT is named."""
    file = tmp_path / "ca.pem"
    certificates.write(tmp_path, file.name, authority.certificate)
    url = tls_server.url(driver=driver, sslmode="verify-full", sslrootcert="system")

    start_exporter(url, SSL_CERT_FILE=str(file)).wait_for_verdict("healthy", within=5)

    without = start_exporter(url, PGSSLROOTCERT=str(file))
    until(lambda: without.outcomes("pooled").get("tls", 0) > 0, within=5, what="an unverified certificate")
    assert without.log().count("PGSSLROOTCERT: not used") == 1


@pytest.mark.extended
def test_pgbouncer_as_the_page_sets_it_up(
    server_factory: ServerFactory, server: Postgres, start_exporter: StartExporter, cleanup: ExitStack
) -> None:
    """Healthy through it; down when its server goes, and healthy again."""
    [text] = re.findall(r"```ini\n(.*?)```", PAGE, re.DOTALL)
    settings = configparser.ConfigParser()
    settings.read_string(text)
    bouncer = PgBouncer(server_factory, server, **settings["pgbouncer"])
    cleanup.callback(bouncer.close)
    exporter = start_exporter(server.url(host="127.0.0.1", port=bouncer.port), PROBE_INTERVAL="0.5")
    exporter.wait_for_verdict("healthy", within=5)

    server.stop()
    exporter.wait_for_verdict("database_down", within=10)
    server.start()

    exporter.wait_for_verdict("healthy", within=15)


def test_every_recipe_says_whether_it_is_tried() -> None:
    """The first sentence under each heading."""
    sections = re.findall(r"^## (.*)\n\n(.*)$", PAGE, re.MULTILINE)

    assert len(sections) == len(re.findall(r"^## ", PAGE, re.MULTILINE))
    assert [title for title, first in sections if not re.match(r"\*(Tested|Not tried|.*not tried)", first)] == []
