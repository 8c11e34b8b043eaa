"""Work past one process: engines (local, Ray), tables larger than memory, sweeps of studies.

Nothing outside the commands imports this room, so whoever does not need it never loads it.
"""
