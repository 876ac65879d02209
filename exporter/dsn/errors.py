"""The errors for a database address that cannot be used."""


class DsnError(ValueError):
    """The text says what to change and holds no secret."""

    # Whether the error is about hosts, ports or users rather than parameters.
    of_host = False


class HostError(DsnError):
    """An error in the part before the parameters."""

    of_host = True
