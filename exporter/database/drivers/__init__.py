"""One module for each driver, with everything particular to it, private names included; `base` is what they share.

The module `NAME_driver` defines the classes `Driver` and `Dialect` of the driver called NAME.
"""
