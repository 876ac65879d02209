"""Variables of the environment that look like settings and are not used, each with the reason."""

import os
from collections.abc import Iterable, Iterator, Mapping

from exporter.settings import aliases
from exporter.settings.fields import is_service_link


def variables(settings: Iterable[str], given: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each variable, or kind of variable, that is not used, for the log and `check --explain`."""
    for name in settings:
        if is_service_link(name, os.environ.get(name.upper())):
            yield f"{name.upper()}: not used, because it holds the address of a Kubernetes Service, not a port"
    # Those about TLS alone, because whoever sets them may rely on it; an application has the others for itself.
    names = sorted(name for name in os.environ if name.startswith("PGSSL") and os.environ[name])
    if names:
        yield f"{', '.join(names)}: not used, because TLS is asked for by DATABASE_URL (sslmode, sslrootcert)"
    yield from aliases.notes(os.environ, given)
