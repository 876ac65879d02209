"""What is raised for a database address that cannot be used."""


class DsnError(ValueError):
    """The text says what to change and holds no secret."""

    # Whether it is about hosts, ports or users rather than parameters.
    of_host = False


class HostError(DsnError):
    """The same, of the part before the parameters."""

    of_host = True
