"""The view Images: bright pixels of over-exposed images are hidden, and two models impute them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, NamedTuple

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core import data
from dgm_core.studies.mnar import clipping
from ui import cache, data_fetching, figures, glossary, jobs
from ui.cache import spread
from ui.components.thumbnails import thumbnails
from ui.links import InLink, Setting
from ui.mnar import charts
from ui.mnar.workers import IMAGES, WORKERS
from ui.percent import percent
from ui.run_panel import RunPanel

TITLES = {
    "digits": "Digits",
    "mnist": "MNIST",
    "svhn": "SVHN",
    "svhn-grey": "SVHN, grey",
    "celeba": "Faces",
}
SHOWN = 18
LOOKED_AT = 600
"""Number of test images from which bright ones are chosen."""

SET = Setting("clipped set", "digits", options=TITLES)
THRESHOLD = Setting("clip threshold", 0.75, low=0.4, high=0.95, step=0.05)
STRENGTH = Setting("clip strength", 50.0, options=(10.0, 20.0, 50.0, 200.0))
ASSUMED = Setting("clip assumed", "learned", options=("learned", "as set"))
ENLARGED = 224
SHOWN_WIDTH = 165


class BrightImages(NamedTuple):
    """Test images bright enough to lose pixels."""

    levels: np.ndarray  # (N, C, H, W) uint8


@st.cache_resource(show_spinner="Loading the images …", max_entries=4)
def st_bright(dataset: str) -> BrightImages:
    """Some test images of a data set, all with bright pixels."""
    if dataset == "celeba":
        count = len(next(iter(data.face_attributes("test").values())))
        levels = data.faces("test", range(min(LOOKED_AT, count)))
    else:
        x = data.load(dataset, "test", download_missing=False).x[:LOOKED_AT]
        levels = (x * 255).round().byte()
    bright = (levels > 0.8 * 255).flatten(1).double().mean(1)
    rows = spread(np.flatnonzero((bright > 0.03).numpy()), SHOWN)
    return BrightImages(levels[rows].numpy())


def offered() -> list[str]:
    """Data sets that are available."""
    return [name for name in TITLES if data.is_available(name)]


class Images:
    """Original, clipped image, and the imputations of MIWAE and not-MIWAE.

    Args:
        controls: container of the widgets that choose image and clipping.
    """

    name = "Images"
    settings: ClassVar[tuple[InLink, ...]] = (SET, THRESHOLD, STRENGTH, ASSUMED)
    about = (
        "An over-exposed sensor loses exactly the bright pixels. **Look first** at MIWAE: it "
        "fills them in from the darker pixels that it observed. **Then** look at not-MIWAE. It "
        "learned from clipped images alone about where the sensor clips: at 0.68 instead of 0.75 "
        "on digits. **Last**, compare its threshold with the true one. Clipped images say little "
        "about how far above the threshold the hidden values lie; in colour images, the channels "
        "that were kept do. On grey house numbers not-MIWAE was *given* the true mechanism, as in "
        "the published study. Read the ESS too: where it is near 1, one draw decides the picture."
    )

    def __init__(self, controls: DeltaGenerator) -> None:
        with controls:
            self.config = self._config()
            self.masked = self.config.masked()
            something_hidden = not bool(self.masked.observed.all())
            self.panel = RunPanel(
                IMAGES,
                self.config if something_hidden else None,
                _run,
                action="Fill in",
                automatic=True,
                stops=WORKERS,
            )
            self.panel.buttons()

    def _config(self) -> clipping.Config:
        with st.container(border=True):
            names = offered()
            dataset = SET.widget(st.segmented_control, "Images", options=names, required=True)
            if absent := [name for name in TITLES if name not in names]:
                with data_fetching.more([TITLES[name] for name in absent], absent):
                    data_fetching.offer(*absent, part="clipped")
            levels = st_bright(dataset).levels
            selected = f"clipped picture.{dataset}"
            chosen = thumbnails(
                f"clipped.{dataset}",
                levels,
                [f"image {i + 1}" for i in range(len(levels))],
                st.session_state.get(selected, 0),
                set_name=dataset,
                label="Image",
            )
            if chosen is not None:
                st.session_state[selected] = chosen
            image = levels[st.session_state.get(selected, 0)]
        with st.container(border=True):
            threshold = THRESHOLD.widget(
                st.slider,
                "Clips at",
                help="Brightness at which half of the pixels go missing. The models were trained "
                "for 0.75.",
            )
            strength = STRENGTH.widget(
                st.select_slider,
                "Strength",
                help="Increase of the log-odds of being missing from brightness 0 to 1.",
            )
            assumed = ASSUMED.widget(
                st.segmented_control,
                "Mechanism in not-MIWAE's weights",
                required=True,
                help="Learned: the mechanism that not-MIWAE learned, or the one that it was given "
                "(grey house numbers). As set: the draws stay the same, and the mechanism chosen "
                "above gives their weights.",
            )
        return clipping.Config(dataset, image.tobytes(), threshold, strength, assumed)

    def show(self) -> None:
        """Original, clipped image and imputations; formulas."""
        images = st.container()
        _formulas()
        with images:
            self.panel.show(self._results, without=_nothing_hidden, seconds=1.2)

    def _results(self, run: jobs.Run) -> None:
        fillings = {
            item.filling.method: item.filling
            for item in run.items
            if isinstance(item, clipping.Frame)
        }
        observed = self.masked.observed[0].numpy()
        row = st.container(horizontal=True, gap="medium")  # two by two on a narrow screen
        with row.container(width=SHOWN_WIDTH):
            _image(self.config.original[0].numpy(), "Original", "")
        with row.container(width=SHOWN_WIDTH):
            hidden = 1 - observed.mean()
            _image(
                _hatched(self.masked.x[0].numpy(), observed),
                "Clipped",
                f"{percent(hidden)} hidden",
            )
        for name in ("MIWAE", "not-MIWAE"):
            with row.container(width=SHOWN_WIDTH):
                _filled(fillings.get(name), name)
        last = run.items[-1] if run.items else None
        if isinstance(last, clipping.Result):
            self._learned(last)

    def _learned(self, result: clipping.Result) -> None:
        left, right = st.columns([1, 1])
        with left:
            figure = charts.clipping(result.true, result.learned)
            figures.show("clipping curve", figure, "P(missing | brightness): true and assumed")
        with right:
            st.markdown("**RMSE on the hidden pixels**")
            rows = [
                {
                    "method": each.method,
                    "RMSE": each.rmse,
                    "±": each.rmse_error,
                    "ESS": each.effective_draws,
                }
                for each in result.fillings.values()
            ]
            number = st.column_config.NumberColumn
            st.dataframe(
                rows,
                hide_index=True,
                placeholder="",
                column_config={
                    "RMSE": number(format="%.3f", help=clipping.RMSE),
                    "±": number(format="%.4f", help="Monte-Carlo error of the RMSE."),
                    "ESS": number(format="%.1f", help=glossary.explain("ESS")),
                },
            )
            st.caption(
                f"{'Given' if result.learned.given else 'Learned'}: threshold "
                f"{result.learned.threshold:.2f}, strength {result.learned.strength:.0f}. True: "
                f"{result.true.threshold:.2f} and {result.true.strength:.0f}."
            )


def _run(config: clipping.Config) -> Iterator[object]:
    return clipping.run(config, cache.st_model)


def _nothing_hidden() -> None:
    st.info(
        "No pixel of this image is bright enough to go missing. Choose another image or a lower "
        "threshold."
    )


def _formulas() -> None:
    """The mechanism and the estimate, as formulas."""
    with st.expander("Formulas"):
        st.latex(
            r"P(\text{missing} \mid x) = \sigma\big(W (x - b)\big), \qquad "
            r"\hat x = \sum_k \alpha_k\, \mathrm{E}[x_{\mathrm{mis}} \mid z_k, s]"
        )
        st.caption(
            "Each entry, a pixel of one channel, goes missing independently because of its "
            "own value. Therefore x_mis can be integrated out exactly for each latent z_k, "
            "and the weights depend on z_k only. Ipsen, Mattei & Frellsen 2021, §5.2."
        )


def _filled(filling: clipping.Filling | None, name: str) -> None:
    if filling is None:
        st.markdown(f"**{name}**")
        st.caption("Filling in …")
        return
    _image(filling.mean, name, f"RMSE {filling.rmse:.3f}")


def _image(image: np.ndarray, title: str, caption: str) -> None:
    """Show an image (C, H, W) in [0, 1] with enlarged pixels."""
    levels = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
    factor = max(1, ENLARGED // levels.shape[0])
    large = np.broadcast_to(levels, (*levels.shape[:2], 3)).repeat(factor, 0).repeat(factor, 1)
    st.markdown(f"**{title}**")
    st.image(large, output_format="PNG", width="stretch", caption=caption or None, alt=title)


def _hatched(image: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """The clipped image with a hatch over pixels with a hidden channel."""
    hidden = ~observed.all(0)
    rows, columns = np.indices(hidden.shape)
    stripe = np.where((rows + columns) % 3 == 0, 0.75, 0.45)
    return np.where(hidden, stripe, image)
