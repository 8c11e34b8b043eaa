"""The view "Spiral": the bilinear game, in which gradient descent may not converge."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core.studies.distances import bilinear
from ui import figures
from ui.components.live_sliders import LiveSlider, live_sliders
from ui.distances import charts
from ui.links import InLink

STEPS = 80
TITLES = {
    "simultaneous": "Simultaneous",
    "alternating": "Alternating",
    "extragradient": "Extragradient",
    "optimistic": "Optimistic",
}


class Spiral:
    """s_{k+1} = A s_k for four methods, and the eigenvalues of A.

    Args:
        controls: container for the formulas.
    """

    name = "Spiral"
    about = (
        "The smallest GAN: minimise x y over x and maximise it over y. **First** look at "
        "simultaneous descent: it spirals outwards for every step size α, because "
        "|λ| = √(1 + α²). **Then** look at alternating descent: it circles for ever. **Last** "
        "look at extragradient and optimistic descent: they converge if α is small enough."
    )
    settings: ClassVar[tuple[InLink, ...]] = ()

    def __init__(self, controls: DeltaGenerator) -> None:
        with controls, st.container(border=True):
            st.latex(r"s_{k+1} = A\,s_k, \quad s = (x, y)")
            st.latex(r"A = \begin{pmatrix} 1 & -\alpha \\ \alpha & 1 \end{pmatrix}")
            st.latex(r"\lambda = 1 \pm i\alpha")
            st.caption(
                "A is the matrix of simultaneous descent. The path spirals outwards if |λ| is "
                "above 1, and inwards if it is below 1."
            )

    def show(self) -> None:
        """Draw paths and eigenvalues in a fragment; the slider reruns only the fragment."""

        @st.fragment
        def at_alpha() -> None:
            slider = LiveSlider("alpha", "Step size α", 0.02, 1.0, 0.02)
            values = live_sliders(
                "spiral", [slider], {"alpha": 0.2}, rev=1, label="Step size of the game"
            )
            alpha = values["alpha"]
            found = {
                name: bilinear.run(bilinear.Config(name, alpha=alpha, steps=STEPS))
                for name in bilinear.METHODS
            }
            for (name, each), column in zip(found.items(), st.columns(4), strict=True):
                with column:
                    figures.show(f"spiral {name}", charts.spiral(each, reach=2.0), TITLES[name])
                    st.caption(f"|λ| = {each.modulus:.4f}, {_behaviour(each.modulus)}")
            left, right = st.columns([3, 2], gap="large")
            with left:
                figures.show("spiral eigenvalues", charts.eigenvalues(found), "Eigenvalues of A")
            with right:
                st.markdown("**After 80 steps from (1, 0)**")
                st.dataframe(
                    [
                        {"method": TITLES[name], "distance": float(np.hypot(*each.path[-1]))}
                        for name, each in found.items()
                    ],
                    hide_index=True,
                    placeholder="",
                    column_config={
                        "distance": st.column_config.NumberColumn(
                            format="%.3g", help="Distance from the solution, (0, 0)."
                        )
                    },
                )

        at_alpha()


def _behaviour(modulus: float) -> str:
    if abs(modulus - 1) < 1e-6:
        return "circles"
    return "outwards" if modulus > 1 else "inwards"
