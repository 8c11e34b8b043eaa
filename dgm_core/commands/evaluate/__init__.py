"""`python -m dgm_core evaluate`: the shipped models and the studies of the labs, measured again.

What is of one model is written on its card, the rest into `assets/`, row by row as it is measured.
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
}
"""Command → the module of this folder that has it."""

app = typer.Typer(
    help="Measure the shipped models.",
    cls=commands_of({name: f"{__name__}.{module}" for name, module in MODULES.items()}),
)
