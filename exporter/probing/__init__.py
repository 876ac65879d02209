"""One database under watch: its probes, their loops, its status and the log of its changes."""
