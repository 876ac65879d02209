"""One module for each driver, with everything particular to it, private names included; `base` is the interface.

The module `NAME_driver` defines the classes `Driver` and `Dialect` of the driver called NAME.
"""
