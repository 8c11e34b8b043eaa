"""`python -m dgm_core evaluate`: the shipped models and the studies of the labs, measured again.

The numbers of one model are written on its card, all others into `assets/`, row by row as they are
measured. The tables of `docs/numbers/` are then written from them.
"""

from __future__ import annotations

import typer

from dgm_core.commands.lazy import commands_of

MODULES = {
    "dlvm": "models",
    "vae": "models",
    "likelihood": "likelihood",
    "miwae": "models",
    "clipping": "models",
    "classifier": "models",
    "pixels": "models",
    "flow": "moons_flow",
    "gan": "gans",
    "vaegmm": "clusters",
    "clusters": "clusters",
    "mnar": "mnar",
    "prediction": "mnar",
    "inpainting": "inpainting",
    "samplers": "inpainting",
    "distances": "distances",
    "tables": "tables",
}
"""Command → the module of this folder that has it."""

app = typer.Typer(
    help="Measure the shipped models.",
    cls=commands_of({name: f"{__name__}.{module}" for name, module in MODULES.items()}),
)
