"""The command line: arguments, signals, exit status, and the commands."""
