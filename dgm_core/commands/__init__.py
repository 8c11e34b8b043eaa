"""The command line, `python -m dgm_core`: a module for each family of commands.

`data`, `training`, `models`, `imputing` and `bench` import what a command needs when it is called,
so that the others start without it; the commands of `evaluate` stand in modules of their own, of
which only that of the command is imported. `screen` has what they show while they work.
"""
