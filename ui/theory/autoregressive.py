"""The note on autoregressive models: a digit is completed pixel by pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import streamlit as st

from dgm_core.models.pixelcnn import MaskedConv2d, PixelCNN
from dgm_core.studies.theory import pixel_filling
from ui import figures
from ui.cache import st_model, st_test_images
from ui.components.picture_player import Track, picture_player
from ui.frame import kept
from ui.links import Read, one_of, whole
from ui.theory import note

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

TEXT = """
Any law of an image is a product of conditionals, pixel after pixel, row by row. An
**autoregressive model** learns these conditionals with one network, and so has what a VAE or a
GAN lacks: the **exact** $\\log p(x)$, in one pass. Its price is sampling, a step a pixel.

The network is a stack of convolutions that cannot look ahead: half of each kernel is masked. The
first layer must not even see the pixel it predicts. With that one mask wrong, training looks
splendid, and the probabilities of all images no longer sum to one.

**Look first** at a digit that is filled from a row on: what is drawn follows what is seen, since
that came before. **Then** hide what is *above* the row. The model draws it without asking what
stands below, and the halves need not fit. **Last** at the weights of these fillings, $p$ of what
is seen given what was drawn before it: seen first, all count alike; seen last, few of them count.
"""
FORMULAS = (
    r"\log p(x) = \sum_{i=1}^{784} \log p(x_i \mid x_1, \dots, x_{i-1})",
    r"p(x_i = 1 \mid x_{<i}) = \sigma\big(f_i(x)\big)",
    r"\frac{\partial f_i}{\partial x_j} = 0 \quad \text{for } j \ge i",
    r"w = \prod_{i\ \text{seen}} p(x_i \mid x_{<i})",
)
REFERENCES = """
- Larochelle & Murray (2011), *The neural autoregressive distribution estimator*, AISTATS.
- van den Oord, Kalchbrenner & Kavukcuoglu (2016), *Pixel recurrent neural networks*, ICML.
- Ramachandran et al. (2017), *Fast generation for convolutional autoregressive models*, ICLR
  workshop: no layer is computed twice.
- Salimans, Karpathy, Chen & Kingma (2017), *PixelCNN++*, ICLR.
"""
MODEL = "digits-pixelcnn"
BELOW, ABOVE = "from the row on", "above the row"
MOST = 400
"""Pictures in the player: more than that and each shows several new pixels."""
SHOWN = 8
"""Fillings beside the first."""


class Autoregressive:
    """Text, formula, code and figure."""

    name = "Pixel by pixel"
    fields: ClassVar[dict[str, Read]] = {
        "pixel digit": whole(0, 9),
        "pixel hidden": one_of(BELOW, ABOVE),
        "pixel row": whole(0, 27),
    }

    def show(self) -> None:
        """Draw."""
        code = [MaskedConv2d.forward, PixelCNN.log_prob_each, PixelCNN.fill]
        with note.layout(TEXT, FORMULAS, code, REFERENCES):
            digit, row, above, seed = _asked()
            found = st_filled(digit, row, above, seed)
            _player(found)
            order = np.argsort(-found.log_weight) if above else np.arange(len(found.x))
            _others(found, order[:SHOWN], above=above)
            figures.show("pixel sum", _running(found), "log p of the pixels so far, nats")


def _asked() -> tuple[int, int, bool, int]:
    """Digit, row, whether the rows above are hidden, and the seed."""
    first, second, third = st.columns([2, 5, 4])
    kept("pixel digit", 3)
    digit = first.selectbox("Digit", range(10), key="keep.pixel digit")
    kept("pixel hidden", BELOW)
    hidden = second.segmented_control(
        "Hide", [BELOW, ABOVE], required=True, key="keep.pixel hidden"
    )
    kept("pixel row", 12)
    row = third.slider("Row", 0, 27, key="keep.pixel row")
    seed = st.session_state.setdefault("pixel seed", 0)
    return int(digit), int(row), hidden == ABOVE, seed


@st.cache_data(show_spinner="Fills in, pixel by pixel …", max_entries=50)
def st_filled(digit: int, row: int, above: bool, seed: int) -> pixel_filling.Result:
    """`pixel_filling.run` of the first test digit of a class."""
    ink, label, _ = st_test_images("digits")
    image = ink[np.flatnonzero(label == digit)[0]]
    return pixel_filling.run(pixel_filling.Config(row, above, seed=seed), st_model(MODEL), image)


def _again() -> None:
    st.session_state["pixel seed"] += 1


def _player(found: pixel_filling.Result) -> None:
    """The first filling, and the probabilities it was drawn with."""
    observed, x = found.observed, found.x[0]
    first = int(np.argmin(observed)) if not observed.all() else observed.size - 1
    stride = -(-(observed.size - first) // MOST)
    steps = np.append(np.arange(first, observed.size, stride), observed.size)
    done = np.arange(observed.size).reshape(observed.shape) < steps[:, None, None]  # (T, H, W)
    total = np.append(0.0, found.log_prob_each[0].cumsum())
    chance = found.probability[0]
    following = [f"next pixel: {chance.flat[i]:.3f}" for i in steps[:-1]]
    picture_player(
        "pixel player",
        [
            Track(
                "Pixels so far",
                _painted(x, observed, done | observed),
                tuple(f"log p so far {total[i]:.1f} nats".replace("-", "−") for i in steps),
            ),
            Track(
                "Chance of ink when its turn came",
                np.where(done, 255 * chance, 60).astype(np.uint8)[:, None],
                (*following, "no pixel is left"),
            ),
        ],
        label="A digit completed pixel by pixel",
        places=[f"pixel {i}" for i in steps],
        start=len(steps) - 1,
        seconds=7.0,
        width=250,
    )


def _painted(x: np.ndarray, observed: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Seen ink white, drawn ink in colour, what is yet unknown grey: (T, 3, H, W)."""
    ink = np.where(observed[..., None], (255, 255, 255), (143, 156, 255))  # (H, W, 3)
    levels = np.where(x[..., None], ink, 0)
    painted = np.where(known[..., None], levels, 60)
    return painted.astype(np.uint8).transpose(0, 3, 1, 2)


def _others(found: pixel_filling.Result, chosen: np.ndarray, *, above: bool) -> None:
    """Some more fillings in a row, the heaviest first if they differ in weight."""
    head, button = st.columns([3, 1], vertical_alignment="center")
    count = len(found.x)
    worth = f"worth {found.effective:.1f} equal ones" if above else "all of the same weight"
    head.markdown(f"**{count} fillings, {worth}**")
    button.button("Again", icon=":material/refresh:", on_click=_again, width="stretch")
    rgb = [int(figures.background()[i : i + 2], 16) for i in (1, 3, 5)]
    gap = np.broadcast_to(np.uint8(rgb)[:, None, None], (len(chosen), 3, 28, 2))
    known = np.ones_like(found.x[0])
    each = np.concatenate([_painted(found.x[i], found.observed, known[None]) for i in chosen])
    sheet = np.concatenate(np.concatenate([each, gap], 3), 2).transpose(1, 2, 0)[:, :-2]
    large = np.kron(sheet, np.ones((4, 4, 1), np.uint8))
    st.image(large, output_format="PNG", width="stretch", alt=f"{len(chosen)} fillings")
    share = np.exp(found.log_weight - found.log_weight.max())
    share = share[chosen] / share.sum()
    if above:
        heavy = ", ".join(f"{each:.0%}" for each in share[:3])
        st.caption(
            f"The heaviest first; the weights begin with {heavy}. What is white was seen, and "
            "weighs: p of it, given what was drawn above it."
        )
    else:
        st.caption("What is white was seen, what is violet drawn: draws from p(hidden | seen).")


def _running(found: pixel_filling.Result) -> Figure:
    """Sums over pixels, of the first filling and of the digit."""
    figure = figures.empty("pixel", "nats", height=210)
    for name, each, line in (
        (
            "the digit itself",
            found.of_image,
            {"color": figures.GREY, "dash": "dash", "width": 1.5},
        ),
        ("this filling", found.log_prob_each[0], {"color": figures.accent(), "width": 2.5}),
    ):
        figure.add_scatter(
            y=each.cumsum().round(3), mode="lines", name=name, line=line, hoverinfo="skip"
        )
    hidden = np.flatnonzero(~found.observed)
    if len(hidden):
        figure.add_vrect(
            hidden[0],
            hidden[-1],
            fillcolor=figures.GREY,
            opacity=0.12,
            line_width=0,
            annotation_text="hidden",
            annotation_position="bottom left",
            annotation_font={"size": 11, "color": figures.GREY},
        )
    return figure
