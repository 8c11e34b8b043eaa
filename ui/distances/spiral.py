"""The view of the bilinear game: why two gradient descents may circle."""

from __future__ import annotations

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core.studies.distances import bilinear
from ui import figures
from ui.components.live_sliders import LiveSlider, live_sliders
from ui.distances import charts

STEPS = 80
TITLES = {
    "simultaneous": "Simultaneous",
    "alternating": "Alternating",
    "extragradient": "Extragradient",
    "optimistic": "Optimistic",
}


class Spiral:
    """x_{k+1} = A x_k by four methods, and the eigenvalues of A.

    Args:
        controls: not needed; the slider stands above the figures that follow it.
    """

    name = "Spiral"
    about = (
        "min over x, max over y of x y: the smallest GAN. **Look first** at simultaneous "
        "descent: it spirals outwards for every step size α, since |λ| = √(1 + α²). **Then** at "
        "alternating descent, which goes round for ever. **Last** at the two that look ahead, "
        "and come home."
    )

    def __init__(self, controls: DeltaGenerator) -> None:
        with controls, st.container(border=True):
            st.latex(r"x_{k+1} = A\,x_k")
            st.latex(r"A = \begin{pmatrix} 1 & -\alpha \\ \alpha & 1 \end{pmatrix}")
            st.latex(r"\lambda = 1 \pm i\alpha")
            st.caption("A of simultaneous descent. The modulus of λ decides: above 1 outwards.")

    def show(self) -> None:
        """Paths and eigenvalues, which follow the slider."""

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
            for (name, each), place in zip(found.items(), st.columns(4), strict=True):
                with place:
                    figures.show(f"spiral {name}", charts.spiral(each, reach=2.0), TITLES[name])
                    st.caption(f"|λ| = {each.modulus:.4f}, {_word(each.modulus)}")
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
                            format="%.3g", help="From the solution, (0, 0)."
                        )
                    },
                )

        at_alpha()


def _word(modulus: float) -> str:
    if abs(modulus - 1) < 1e-6:
        return "round and round"
    return "outwards" if modulus > 1 else "inwards"
