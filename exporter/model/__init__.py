"""The words that every package shares: outcomes, reasons, probe results, the numbers of a pool.

It imports nothing of ours. A word that one package alone uses belongs there: the verdict is in `diagnosis`.
"""
