"""The types that every package shares: outcomes, reasons, probe results, the numbers of a pool.

It imports nothing of ours. A type that one package alone uses belongs in that package: the verdict is in `diagnosis`.
"""
