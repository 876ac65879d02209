"""A client that scrapes by TLS on a kept connection and on new ones in turn: a command inside a container.

The first line of its input says where and how, as JSON; another line ends it, and what it saw is printed as JSON.
"""

import http.client
import json
import ssl
import sys
import threading
import time

PAUSE = 0.1  # seconds between two rounds


class Connection(http.client.HTTPSConnection):
    """One whose certificate must be of a name that no address leads to; it connects again where the server closes."""

    def __init__(self, given: dict[str, str], context: ssl.SSLContext, certificates: set[object]) -> None:
        """Connect with the first request."""
        super().__init__(given["host"], int(given["port"]), timeout=10)
        self._given, self._client, self._certificates = given, context, certificates

    def connect(self) -> None:
        """Verify the certificate, and note it."""
        http.client.HTTPConnection.connect(self)
        self.sock = self._client.wrap_socket(self.sock, server_hostname=self._given["name"])
        self._certificates.add((self.sock.getpeercert() or {})["serialNumber"])

    def scrape(self) -> str:
        """Scrape once; what went wrong, or nothing."""
        try:
            self.request("GET", "/metrics", headers={"Authorization": f"Basic {self._given['credentials']}"})
            response = self.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return repr(error)
        if response.status != http.client.OK or b"dbhealth_up" not in body:
            return f"{response.status} {body[:200]!r}"
        return ""


def main() -> None:
    """Scrape until there is another line."""
    given = json.loads(sys.stdin.readline())
    end = threading.Thread(target=sys.stdin.readline, daemon=True)
    end.start()
    context = ssl.create_default_context(cadata=given["root"])
    certificates: set[object] = set()
    kept, rounds, failures = Connection(given, context, certificates), 0, []
    while end.is_alive():
        new = Connection(given, context, certificates)
        failures += [text for text in (kept.scrape(), new.scrape()) if text]
        new.close()
        rounds += 1
        time.sleep(PAUSE)
    print(json.dumps({"rounds": rounds, "failures": failures, "certificates": len(certificates)}))


if __name__ == "__main__":
    main()
