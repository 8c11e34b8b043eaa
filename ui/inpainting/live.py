"""The view Live: both samplers run in the visitor's browser while the visitor paints."""

from __future__ import annotations

from typing import ClassVar

from streamlit.delta_generator import DeltaGenerator

from ui import formulas, live_weights
from ui.components.live_chains import chosen_seed, live_chains
from ui.frame import renew
from ui.inpainting import inputs, methods, pictures
from ui.links import InLink

KEY = "live"
QUIET = "hide"
"""The name of the mask in share links."""
NOTE = (
    "While you paint and watch, the browser sends nothing to the server. The server "
    "computes all other views, and sends another image, a shape or a drawing on request."
)


class Live:
    """The samplers beside the canvas of the lab.

    Args:
        problem: not used; the samplers observe what is on the canvas.
        settings: not used; the seed is the one of the other views.
    """

    name = "Live"
    picture = True
    about = (
        "**Paint now:** the chains continue with the new mask. **Look first** at the draws: where "
        "do the eight chains disagree? **Then** show a few pixels, one after another: which of "
        "them decide? **Last** compare the samplers: pseudo-Gibbs accepts every proposal, and "
        "Metropolis may reject nearly all of them."
    )
    settings: ClassVar[tuple[InLink, ...]] = ()

    def __init__(self, problem: inputs.Problem | None, settings: DeltaGenerator) -> None:
        self.model = f"{pictures.dataset_on_screen()}-dlvm"

    def show(self) -> None:
        """Show the samplers, and the formulas under them.

        Raises:
            BrokenModel: the file of the model is damaged.
        """
        live_chains(
            KEY,
            live_weights.weights(self.model),
            canvas=pictures.CANVAS,
            seed=int(methods.SEED.value),
            seeds=_most(),
            note=NOTE,
            on_seed=_take_seed,
        )
        formulas.two_samplers()


def _most() -> int:
    return int(methods.SEED.high or 0)


def _take_seed() -> None:
    seed = chosen_seed(KEY, _most())
    if seed is not None:
        renew(methods.SEED.name, seed)
