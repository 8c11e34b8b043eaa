"""The view "Find a picture": the latent whose image is nearest to a given picture."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core import data
from dgm_core.studies.latent import inversion
from ui import cache, data_fetching, figures, jobs, own_digit, uploaded_pictures
from ui.cache import spread
from ui.components.thumbnails import thumbnails
from ui.frame import kept
from ui.latent import files, position
from ui.latent.spaces import TITLES, Space, st_gallery
from ui.links import Setting
from ui.run_panel import Progress, RunPanel

DRAW, UPLOAD, TEST, OWN, LATENT = "Draw", "Upload", "Test", "Its own", "Latent file"
STEPS = Setting("find steps", 300, options=(100, 200, 300, 600))
PRIOR = Setting("find prior", 0.002, options=(0.0, 0.0005, 0.002, 0.01, 0.05))
SEED = Setting("find seed", 0, low=0, high=9999)
WIDTH = 165
SHOWN = 18
"""Images to choose from."""
SEARCH = "Search"
"""Label of the start button."""


class Find:
    """Search for the latent of a picture by gradient descent, live.

    Args:
        space: the latent space.
        controls: container for the choice of the picture and the settings of the search.
    """

    name = "Find a picture"
    about = (
        "The generator is inverted: gradient descent on z brings the generated image close to "
        "your picture. **First** see how close it comes; an unusual picture may have no latent. "
        "**Then** compare the eight starts: the search drops the worse half of them twice. "
        "**Last** open the result in Sliders and edit your picture there."
    )

    def __init__(self, space: Space, controls: DeltaGenerator) -> None:
        self.space = space
        with controls:
            with st.container(border=True):
                self.levels = self._choose()
            with st.expander("Settings of the search"):
                steps = STEPS.widget(st.select_slider, "Steps")
                prior = PRIOR.widget(
                    st.select_slider,
                    "Weight of the prior, λ",
                    help="A larger λ keeps z closer to 0. With λ = 0 the search may find a closer "
                    "image at an improbable latent.",
                )
                seed = SEED.widget(st.number_input, "Seed")
            self.config = None
            if self.levels is not None:
                self.config = inversion.Config(
                    space.dataset,
                    self.levels.tobytes(),
                    space.shape,
                    int(steps),
                    prior=float(prior),
                    seed=int(seed),
                )
            self.panel = RunPanel(
                f"latent find {space.dataset}",
                self.config,
                _search,
                action=SEARCH,
                automatic=True,
                keeps_previous=True,
                stops=[f"latent find {name}" for name in TITLES],
            )
            self.panel.buttons()

    def _choose(self) -> np.ndarray | None:
        """The picture to find, uint8 (C, H, W); None if there is none yet."""
        grey = self.space.shape[0] == 1
        sources = [
            *([DRAW] if grey else []),
            *([TEST] if data.is_available(self.space.dataset) else []),
            OWN,
            UPLOAD,
            LATENT,
        ]
        key = kept(f"find source {self.space.dataset}", sources[0])
        source = st.segmented_control("Picture", sources, required=True, key=key)
        data_fetching.offer(
            self.space.dataset,
            part="find",
            why=f"The test images of {TITLES[self.space.dataset]} are not on this server.",
        )
        if source == DRAW:
            return self._drawn()
        if source == TEST:
            return self._chosen(st_test_images(self.space.dataset), "Test images")
        if source == OWN:
            st.caption("An image drawn by the generator itself. Can its latent be found?")
            return self._chosen(st_gallery(self.space.dataset, 500, SHOWN)[1], "Draws")
        return self._uploaded_latent() if source == LATENT else self._uploaded(grey=grey)

    def _drawn(self) -> np.ndarray | None:
        levels = own_digit.draw_digit("latent canvas", "latent drawing")
        if levels is None:
            st.caption("Draw a digit. The search then looks for its latent.")
            return None
        return levels[None]

    def _chosen(self, images: np.ndarray, label: str) -> np.ndarray:
        chosen, name = st.session_state.setdefault("find chosen", {}), self.space.dataset + label
        clicked = thumbnails(
            "find gallery",
            images,
            [f"{label} {i + 1}" for i in range(len(images))],
            chosen.get(name, 0),
            set_name=name,
            label=label,
        )
        if clicked is not None:
            chosen[name] = clicked
        return images[chosen.get(name, 0)]

    def _uploaded(self, *, grey: bool) -> np.ndarray | None:
        dataset, side = self.space.dataset, self.space.shape[1]
        if not grey:
            what = "face" if dataset == "celeba" else "digit"
            return uploaded_pictures.square_of_photo(
                f"latent {dataset}",
                side,
                upload_label=f"A photograph of a {what}",
                hint=f"Upload a photograph of any size. Then move the square over a {what}.",
                label=f"Move the square over the {what}",
            )
        levels = uploaded_pictures.upload_digit(
            f"latent upload {dataset}", f"latent digit {dataset}"
        )
        return None if levels is None else levels[None]

    def _uploaded_latent(self) -> None:
        """Read a downloaded latent; it needs no search."""
        space = self.space
        file = st.file_uploader("A downloaded latent", type=["json"], key="latent file")
        if file is None:
            st.caption("Upload the JSON file of a latent to see its image again.")
            return
        try:
            text = file.getvalue()[:100_000].decode("utf-8", "replace")
            z = files.from_json(text, f"{space.dataset}-wgan", space.latent_dim)
        except ValueError as error:
            st.error(str(error))
            return
        st.image(files.png(space.images(z[None])[0]), width=WIDTH, alt="Image of the latent")
        st.button(
            "Open in Sliders",
            key="take file",
            on_click=partial(position.open_in_sliders, space, z),
        )

    def show(self) -> None:
        """Draw the target, the best image so far and the RMSE."""
        run = self.panel.run
        results = st.container()
        if run is not None and not self.panel.live and run.items:
            st.button(
                "Open in Sliders",
                type="primary",
                on_click=partial(position.open_in_sliders, self.space, run.items[-1].z),
            )
        with results:
            self.panel.show(self._results, without=self._target, progress=_progress, seconds=0.4)

    def _target(self) -> None:
        """Draw the target before there is a search."""
        if self.levels is None:
            st.info("Draw or choose a picture.")
        else:
            _image(st.container(horizontal=True), "Target", self.levels)

    def _results(self, run: jobs.Run) -> None:
        frames = [item for item in run.items if isinstance(item, inversion.Frame)]
        row = st.container(horizontal=True, gap="medium")
        _image(row, "Target", (run.key.target.numpy() * 255).round().astype(np.uint8))
        best = frames[-1]
        levels = (best.image * 255).round().astype(np.uint8)
        _image(row, "Found", levels, f"step {best.step}, RMSE {best.rmse:.3f}")
        figure = figures.empty("step", "RMSE")
        curves = np.stack([frame.rmses for frame in frames]).T  # one per start
        steps = [frame.step for frame in frames]
        for curve in curves:
            figure.add_scatter(
                x=steps,
                y=curve,
                mode="lines",
                line={"color": figures.FAINT, "width": 1.5},
                hoverinfo="skip",
                showlegend=False,
            )
        figure.add_scatter(
            x=steps,
            y=[frame.rmse for frame in frames],
            mode="lines",
            name="best so far",
            line={"color": figures.accent(), "width": 2.5},
        )
        figures.show("found", figure, "RMSE of pixels, levels in [0, 1], from eight starts")


def _search(config: inversion.Config) -> Iterator[inversion.Frame | inversion.Result]:
    return inversion.run(config, cache.st_model(f"{config.dataset}-wgan"))


def _progress(run: jobs.Run) -> Progress | None:
    frames = [item for item in run.items if isinstance(item, inversion.Frame)]
    if not frames:
        return None
    return Progress(frames[-1].step / run.key.steps, f"step {frames[-1].step}")


def _image(row: DeltaGenerator, title: str, levels: np.ndarray, caption: str = "") -> None:
    """Draw an image uint8 (C, H, W) under its title."""
    with row.container(width=WIDTH):
        st.markdown(f"**{title}**")
        st.image(files.png(levels), width="stretch", output_format="PNG", alt=title)
        if caption:
            st.caption(caption)


@st.cache_resource(show_spinner="Loading the images …", max_entries=4)
def st_test_images(dataset: str) -> np.ndarray:
    """Some test images, uint8 (N, C, H, W)."""
    if dataset == "celeba":
        count = len(next(iter(data.face_attributes("test").values())))
        step = min(40, max(1, count // SHOWN))
        return data.faces("test", range(0, min(step * SHOWN, count), step)).numpy()
    x = data.load(dataset, "test", download_missing=False).x
    rows = spread(np.arange(len(x)), SHOWN)
    return (x[rows] * 255).round().byte().numpy()
