"""Work in many processes: engines (local, Ray), tables larger than memory, studies in parallel.

Only the commands and their benchmark import this package, so other programs never load it.
"""
