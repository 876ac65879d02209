"""A clock for what is given its time."""


class Clock:
    """Stands still until the test moves it; in seconds."""

    def __init__(self, now: float = 100.0) -> None:
        """Start at a time."""
        self.now = now

    def __call__(self) -> float:
        """Return the time."""
        return self.now
