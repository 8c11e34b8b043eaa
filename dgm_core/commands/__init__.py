"""The command line `dgm`: one module for each family of commands.

The modules `data`, `train`, `models`, `impute` and `bench` import what a command needs when it is
called, so that other commands start quickly. The commands of `evaluate` are in separate modules,
and only the module of the called command is imported. `terminal` has progress bars and errors.
"""
