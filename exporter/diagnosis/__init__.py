"""From facts to a verdict, and from a verdict to advice: pure functions, no I/O, no clock, no log."""
