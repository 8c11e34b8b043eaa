"""The command line: `python -m dgm_core data|models|train|evaluate|impute|bench …`."""

from __future__ import annotations

import typer

from dgm_core import device
from dgm_core.commands import bench, data, evaluate, impute, models, train

app = typer.Typer(
    help="Deep generative models with missing data.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
for family in (train, models, impute):
    app.add_typer(family.app)
app.add_typer(data.app, name="data")
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(bench.app, name="bench")

if __name__ == "__main__":
    device.keep_freed_memory()
    app()
