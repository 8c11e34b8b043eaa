"""The command line: `dgm data|models|train|evaluate|impute|report|bench|export …`.

`python -m dgm_core` is the same command, also if the package is not installed.
"""

from __future__ import annotations

import typer

from dgm_core import device
from dgm_core.commands import bench, data, evaluate, export, impute, models, report, train

app = typer.Typer(
    help="Deep generative models with missing data: fill in tables, train and measure models.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
for family in (train, models, impute, report):
    app.add_typer(family.app)
app.add_typer(data.app, name="data")
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(bench.app, name="bench")
app.add_typer(export.app, name="export")


def main() -> None:
    """Run the command line; the console command `dgm` calls this."""
    device.keep_freed_memory()
    app()


if __name__ == "__main__":
    main()
