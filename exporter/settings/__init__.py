"""The table of settings and how it becomes plain values.

Only the child process that parses them imports pydantic: 8 MB.
"""
