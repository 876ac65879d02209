"""The pools of the application's processes, as these report them.

A datagram goes receiver → report → worker → registry → assessment. What a verdict makes of an assessment is decided in
`diagnosis`, and how pools are exported in `metrics`.
"""
