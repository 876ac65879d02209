"""A Kubernetes cluster as the tests see it: objects, probes of pods, and waiting for both."""

import http.client
import json
import subprocess
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tests.support.waiting import until

Object = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """A pod's response to a request."""

    status: int
    text: str


class Kube:
    """One cluster: kubectl for changes, its proxy for reading, since a process for each read would be too slow."""

    def __init__(self, *kubectl: str) -> None:
        """Start the proxy; `kubectl` is the command's beginning."""
        self.kubectl = kubectl
        command = [*kubectl, "proxy", "--port=0", "--accept-paths=.*", "--reject-paths=^$"]
        self._proxy = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._proxy.stdout is not None
        self._port = int(self._proxy.stdout.readline().rsplit(":", 1)[1])

    def close(self) -> None:
        """End the proxy."""
        self._proxy.terminate()
        self._proxy.communicate()

    def run(self, *words: str, check: bool = True, given: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl."""
        done = subprocess.run(
            [*self.kubectl, *words],
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if check and done.returncode != 0:
            raise RuntimeError(f"kubectl {' '.join(words)}: {done.stderr}{done.stdout}")
        return done

    def apply(self, *objects: Object, namespace: str, words: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        """Create or change objects; `words` are further flags."""
        document = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        return self.run("apply", "-n", namespace, "-f", "-", *words, given=json.dumps(document))

    def admit(self, pod: Object, *, namespace: str) -> Object:
        """The pod as the API server would store it; nothing is stored."""
        words = ("create", "-n", namespace, "-f", "-", "--dry-run=server", "-o", "json")
        found: Object = json.loads(self.run(*words, given=json.dumps(pod)).stdout)
        return found

    def fetch(self, path: str, *, method: str = "GET", patch: Object | None = None) -> Answer:
        """Request a path of the API server, or change its object by a merge patch."""
        body = None if patch is None else json.dumps(patch)
        headers = {} if patch is None else {"Content-Type": "application/merge-patch+json"}
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)) as connection:
            connection.request(method if patch is None else "PATCH", path, body, headers)
            response = connection.getresponse()
            return Answer(response.status, response.read().decode(errors="replace"))

    def get(self, path: str) -> Object:
        """One object, or a list, by its path in the API."""
        answer = self.fetch(path)
        if answer.status != http.client.OK:
            raise LookupError(f"{path}: {answer.status} {answer.text[:300]}")
        found: Object = json.loads(answer.text)
        return found

    def change(self, path: str, patch: Object) -> None:
        """Change an object by a merge patch: faster than a process of kubectl."""
        answer = self.fetch(path, patch=patch)
        if answer.status != http.client.OK:
            raise LookupError(f"{path}: {answer.status} {answer.text[:300]}")

    def pods(self, namespace: str, selector: str = "") -> list[Object]:
        """A namespace's pods that are not being deleted."""
        found = self.get(f"/api/v1/namespaces/{namespace}/pods?labelSelector={quote(selector)}")["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def pod(self, namespace: str, selector: str = "", *, within: float = 30) -> "Pod":
        """The one pod of a workload, as soon as it exists."""
        what = f"one pod {selector or 'at all'} in {namespace}"
        [found] = until(lambda: one(self.pods(namespace, selector)), within=within, what=what, every=0.1)
        return Pod(self, namespace, found["metadata"]["name"])


def one(found: list[Object]) -> list[Object]:
    """A list of exactly one item, or nothing."""
    return found if len(found) == 1 else []


@dataclass(frozen=True)
class Pod:
    """One pod."""

    kube: Kube
    namespace: str
    name: str

    @property
    def path(self) -> str:
        """Its path in the API."""
        return f"/api/v1/namespaces/{self.namespace}/pods/{self.name}"

    def look(self) -> Object:
        """The pod as it is now."""
        return self.kube.get(self.path)

    def gone(self) -> bool:
        """Whether it no longer exists."""
        return self.kube.fetch(self.path).status == http.client.NOT_FOUND

    def ask(self, page: str, *, port: int = 9850, method: str = "GET") -> Answer:
        """Request a page of the exporter, or of the application at port 8000."""
        return self.kube.fetch(f"{self.path}:{port}/proxy{page}", method=method)

    def ready(self) -> bool:
        """Whether the kubelet calls it ready."""
        return condition(self.look(), "Ready")

    def containers(self) -> dict[str, Object]:
        """The states of all containers by name."""
        status = self.look()["status"]
        every = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
        return {container["name"]: container for container in every}

    def restarts(self) -> dict[str, int]:
        """How often each container was restarted."""
        return {name: container["restartCount"] for name, container in self.containers().items()}

    def started(self, container: str) -> bool:
        """Whether a container runs and its startup probe, where it has one, has passed."""
        found = self.containers().get(container, {})
        return bool(found.get("started")) and "running" in found.get("state", {})

    def log(self, container: str) -> str:
        """A container's log."""
        return self.kube.fetch(f"{self.path}/log?container={container}").text

    def describe(self) -> str:
        """Description and logs, for a failed test's message."""
        words = ("describe", "pod", "-n", self.namespace, self.name)
        logs = [f"\n--- {name}\n{self.log(name)}" for name in self.containers()]
        return self.kube.run(*words, check=False).stdout + "".join(logs)

    def until(self, true: Callable[[], object], what: str, *, within: float = 60) -> None:
        """Wait until a condition holds, and describe the pod if it does not."""
        try:
            until(true, within=within, what=what, every=0.1)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.describe()}") from None

    def until_ready(self, *, within: float = 60) -> None:
        """Wait for readiness."""
        self.until(self.ready, f"{self.name} ready", within=within)

    def until_page(self, page: str, status: int, *, within: float = 60) -> None:
        """Wait for a page to answer with a status."""
        self.until(lambda: self.ask(page).status == status, f"{page} answers {status}", within=within)


def condition(pod: Object, name: str) -> bool:
    """Whether a pod's condition holds."""
    found = pod.get("status", {}).get("conditions", [])
    return any(entry["type"] == name and entry["status"] == "True" for entry in found)
