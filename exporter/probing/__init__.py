"""The monitor of one database: its probes, their loops, its status and the log of its changes."""
