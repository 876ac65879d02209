"""One module for each driver: all that is particular to it, its private names included."""
