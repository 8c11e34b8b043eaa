"""The note on autoregressive models: a digit is filled in pixel by pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import streamlit as st

from dgm_core.models.pixelcnn import MaskedConv2d, PixelCNN
from dgm_core.studies.theory import pixel_filling
from ui import figures, glossary
from ui.cache import st_model, st_test_images
from ui.components.picture_player import Track, picture_player
from ui.links import InLink, Setting, whole
from ui.percent import percent
from ui.theory import note

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

TEXT = """
Every distribution of images is a product of conditional distributions, pixel after pixel, row by
row. An **autoregressive model** learns these conditionals with one network. Unlike a VAE or a
GAN, it has the **exact** $\\log p(x)$, in one pass. The cost is slow sampling: one step per
pixel.

The network is a stack of convolutions that cannot use later pixels: half of each kernel is
masked. In the first layer the predicted pixel itself is masked too. If that one mask is wrong,
training seems to work very well, but the probabilities of all images no longer sum to one.

**Look first** at a digit that is filled in from a row on. The draws fit the observed pixels,
because these come before the hidden ones. **Then** hide the pixels *above* the row. The model
draws them without using the pixels below, so the halves need not fit. **Last**, look at the
weights of these draws: the probability of the observed pixels given the pixels drawn before them.
If the observed pixels come first, all draws have the same weight; if they come last, few draws
matter.
"""
FORMULAS = (
    r"\log p(x) = \sum_{i=1}^{784} \log p(x_i \mid x_1, \dots, x_{i-1})",
    r"p(x_i = 1 \mid x_{<i}) = \sigma\big(f_i(x)\big)",
    r"\frac{\partial f_i}{\partial x_j} = 0 \quad \text{for } j \ge i",
    r"w = \prod_{i\ \text{observed}} p(x_i \mid x_{<i})",
)
REFERENCES = """
- Larochelle & Murray (2011), *The neural autoregressive distribution estimator*, AISTATS.
- van den Oord, Kalchbrenner & Kavukcuoglu (2016), *Pixel recurrent neural networks*, ICML.
- Ramachandran et al. (2017), *Fast generation for convolutional autoregressive models*, ICLR
  workshop: sampling without computing any layer twice.
- Salimans, Karpathy, Chen & Kingma (2017), *PixelCNN++*, ICLR.
"""
MODEL = "digits-pixelcnn"
BELOW, ABOVE = "from the row on", "above the row"
MOST = 400
"""Maximal number of images in the player; with more pixels each image shows several new ones."""
SHOWN = 8
"""Number of draws shown in a row."""
DIGIT = Setting("pixel digit", 3, options=tuple(range(10)), read=whole(0, 9))
HIDDEN = Setting("pixel hidden", BELOW, options=(BELOW, ABOVE))
ROW = Setting("pixel row", 12, low=0, high=27)


class Autoregressive:
    """Text, formula, code and figure."""

    name = "Pixel by pixel"
    settings: ClassVar[tuple[InLink, ...]] = (DIGIT, HIDDEN, ROW)

    def show(self) -> None:
        """Draw."""
        code = [MaskedConv2d.forward, PixelCNN.log_prob_each, PixelCNN.fill]
        with note.layout(TEXT, FORMULAS, code, REFERENCES):
            left, middle, right = st.columns([2, 5, 4])
            digit = DIGIT.widget(left.selectbox, "Digit")
            above = HIDDEN.widget(middle.segmented_control, "Hide", required=True) == ABOVE
            row = ROW.widget(right.slider, "Row")
            found = st_filled(digit, row, above, st.session_state.setdefault("pixel seed", 0))
            _player(found)
            order = np.argsort(-found.log_weight) if above else np.arange(len(found.x))
            _draws(found, order[:SHOWN], weighted=above)
            figures.show("pixel sum", _running_sums(found), "log p of the pixels so far, nats")


@st.cache_data(show_spinner="Filling in, pixel by pixel …", max_entries=50)
def st_filled(digit: int, row: int, above: bool, seed: int) -> pixel_filling.Result:
    """`pixel_filling.run` of the first test digit of a class."""
    ink, label, _ = st_test_images("digits")
    image = ink[np.flatnonzero(label == digit)[0]]
    return pixel_filling.run(pixel_filling.Config(row, above, seed=seed), st_model(MODEL), image)


def _next_seed() -> None:
    st.session_state["pixel seed"] += 1


def _player(found: pixel_filling.Result) -> None:
    """The first draw, and the probabilities it was drawn from."""
    observed, x = found.observed, found.x[0]
    first = int(np.argmin(observed)) if not observed.all() else observed.size - 1
    stride = -(-(observed.size - first) // MOST)
    steps = np.append(np.arange(first, observed.size, stride), observed.size)
    done = np.arange(observed.size).reshape(observed.shape) < steps[:, None, None]  # (T, H, W)
    total = np.append(0.0, found.log_prob_each[0].cumsum())
    probability = found.probability[0]
    captions = [f"next pixel: {probability.flat[i]:.3f}" for i in steps[:-1]]
    picture_player(
        "pixel player",
        [
            Track(
                "Pixels so far",
                _painted(x, observed, done | observed),
                tuple(f"log p so far {total[i]:.1f} nats".replace("-", "−") for i in steps),
            ),
            Track(
                "Probability of ink at each pixel",
                np.where(done, 255 * probability, 60).astype(np.uint8)[:, None],
                (*captions, "all pixels are drawn"),
            ),
        ],
        label="A digit filled in pixel by pixel",
        positions=[f"pixel {i}" for i in steps],
        start=len(steps) - 1,
        seconds=7.0,
        width=250,
    )


def _painted(x: np.ndarray, observed: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Observed ink white, drawn ink in colour, pixels not yet drawn grey: (T, 3, H, W)."""
    ink = np.where(observed[..., None], (255, 255, 255), (143, 156, 255))  # (H, W, 3)
    levels = np.where(x[..., None], ink, 0)
    painted = np.where(known[..., None], levels, 60)
    return painted.astype(np.uint8).transpose(0, 3, 1, 2)


def _draws(found: pixel_filling.Result, chosen: np.ndarray, *, weighted: bool) -> None:
    """Some draws in a row, ordered by weight if weights differ."""
    head, button = st.columns([3, 1], vertical_alignment="center")
    size = f"effective sample size {found.effective:.1f}" if weighted else "all of equal weight"
    head.markdown(
        f"**{len(found.x)} draws, {size}**", help=glossary.explain("ESS") if weighted else None
    )
    button.button("New draws", icon=":material/refresh:", on_click=_next_seed, width="stretch")
    rgb = [int(figures.background()[i : i + 2], 16) for i in (1, 3, 5)]
    gap = np.broadcast_to(np.uint8(rgb)[:, None, None], (len(chosen), 3, 28, 2))
    known = np.ones_like(found.x[0])
    each = np.concatenate([_painted(found.x[i], found.observed, known[None]) for i in chosen])
    sheet = np.concatenate(np.concatenate([each, gap], 3), 2).transpose(1, 2, 0)[:, :-2]
    large = np.kron(sheet, np.ones((4, 4, 1), np.uint8))
    st.image(large, output_format="PNG", width="stretch", alt=f"{len(chosen)} draws")
    if weighted:
        weights = np.exp(found.log_weight - found.log_weight.max())
        weights = weights[chosen] / weights.sum()
        largest = ", ".join(percent(each) for each in weights[:3])
        st.caption(
            f"Ordered by weight; the largest weights are {largest}. White pixels were observed "
            "and count: the weight is their probability given the pixels drawn above them."
        )
    else:
        st.caption(
            "White pixels were observed, violet ones drawn: draws from p(hidden | observed)."
        )


def _running_sums(found: pixel_filling.Result) -> Figure:
    """Sums of log p over pixels, for the first draw and for the original."""
    figure = figures.empty("pixel", "nats", height=210)
    original = {"color": figures.GREY, "dash": "dash", "width": 1.5}
    drawn = {"color": figures.accent(), "width": 2.5}
    for name, each, line in (
        ("original", found.of_image, original),
        ("this draw", found.log_prob_each[0], drawn),
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
