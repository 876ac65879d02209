"""The pools of the application's processes, from their reports.

A datagram goes receiver → report → worker → registry → assessment. The verdict that follows is decided in `diagnosis`,
and the metrics of pools are in `metrics`.
"""
