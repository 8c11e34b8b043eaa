"""`dgm evaluate`: measure the shipped models and the studies of the labs again.

Scores of one model are written on its card. Other results are written to `assets/`, each row as
soon as it is measured. The tables of `docs/numbers/` are then written from them.
"""

from __future__ import annotations

import typer

from dgm_core.commands.lazy import commands_of

MODULES = {
    "dlvm": "models",
    "vae": "models",
    "likelihood": "likelihood",
    "miwae": "models",
    "partial": "models",
    "clipping": "models",
    "classifier": "models",
    "pixels": "models",
    "flow": "moons_flow",
    "gan": "gans",
    "vaegmm": "clusters",
    "clusters": "clusters",
    "methods": "table_methods",
    "mnar": "mnar",
    "mechanisms": "mechanisms",
    "pooling": "pooling",
    "prediction": "mnar",
    "inpainting": "inpainting",
    "samplers": "inpainting",
    "distances": "distances",
    "live": "live",
    "tables": "tables",
}
"""Command → its module in this folder."""

app = typer.Typer(
    help="Measure the shipped models, and repeat the studies of the labs.",
    cls=commands_of({name: f"{__name__}.{module}" for name, module in MODULES.items()}),
)
