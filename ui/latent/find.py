"""The view that inverts the generator: find the visitor's picture in the latent space."""

from __future__ import annotations

from functools import partial

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core import data
from dgm_core.studies.latent import inversion
from ui import cache, figures, intake, jobs, own_digit, uploaded_pictures
from ui.cache import spread
from ui.components.thumbnails import thumbnails
from ui.frame import kept
from ui.latent import pictures, position
from ui.latent.spaces import Space, st_gallery

DRAW, UPLOAD, TEST, OWN, LATENT = "Draw", "Upload", "Test", "Its own", "Latent file"
WIDTH = 165
SHOWN = 18
FINDING = "latent find"


class Find:
    """From a picture to its latent, by gradient descent, live.

    Args:
        space: whose.
        controls: where the picture comes from.
    """

    name = "Find a picture"
    about = (
        "The generator run backwards: gradient descent on z until its picture is yours. **Look "
        "first** at how close it comes: what it cannot make, it never saw. **Then** at the "
        "eight beginnings, most of which end in worse valleys. **Last** take the result to the "
        "sliders, and edit your picture with them."
    )

    def __init__(self, space: Space, controls: DeltaGenerator) -> None:
        self.space = space
        self.worker = jobs.worker(FINDING)
        with controls:
            with st.container(border=True):
                self.levels = self._choose()
            with st.expander("Search"):
                kept("find steps", 300)
                steps = st.select_slider("Steps", [100, 200, 300, 600], key="keep.find steps")
                kept("find prior", 0.002)
                prior = st.select_slider(
                    "Pull towards usual latents",
                    [0.0, 0.0005, 0.002, 0.01, 0.05],
                    key="keep.find prior",
                    help="λ. At 0 stranger latents may come closer.",
                )
                kept("find seed", 0)
                seed = st.number_input("Seed", 0, 9999, key="keep.find seed")
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
            self._buttons()

    def _choose(self) -> np.ndarray | None:
        """The visitor's picture, uint8 (C, H, W)."""
        grey = self.space.shape[0] == 1
        ways = [
            *([DRAW] if grey else []),
            *([TEST] if data.is_available(self.space.dataset) else []),
            OWN,
            UPLOAD,
            LATENT,
        ]
        key = f"find source {self.space.dataset}"
        kept(key, ways[0])
        way = st.segmented_control("Picture", ways, required=True, key=f"keep.{key}")
        if way == DRAW:
            return self._drawn()
        if way == TEST:
            return self._chosen(st_test_pictures(self.space.dataset), "Test pictures")
        if way == OWN:
            st.caption("A picture that the generator made itself: can its latent be found?")
            return self._chosen(st_gallery(self.space.dataset, 500, SHOWN)[1], "Draws")
        return self._uploaded_latent() if way == LATENT else self._uploaded(grey=grey)

    def _drawn(self) -> np.ndarray | None:
        levels = own_digit.draw_digit("latent canvas", "latent drawing")
        if levels is None:
            st.caption("Draw a digit, and the WGAN looks for it.")
            return None
        return levels[None]

    def _chosen(self, shown: np.ndarray, label: str) -> np.ndarray:
        held, name = st.session_state.setdefault("find chosen", {}), self.space.dataset + label
        found = thumbnails(
            "find gallery",
            shown,
            [f"{label} {i + 1}" for i in range(len(shown))],
            held.get(name, 0),
            set_name=name,
            label=label,
        )
        if found is not None:
            held[name] = found
        return shown[held.get(name, 0)]

    def _uploaded(self, *, grey: bool) -> np.ndarray | None:
        dataset, side = self.space.dataset, self.space.shape[1]
        if not grey:
            what = "face" if dataset == "celeba" else "digit"
            return uploaded_pictures.square_of_photo(
                f"latent {dataset}",
                side,
                ask=f"A photograph of a {what}",
                hint=f"Upload a photograph of any size, and move the square over a {what} in it.",
                label=f"Move the square over the {what}",
            )
        file = st.file_uploader(
            "A digit on paper or on screen",
            type=uploaded_pictures.KINDS,
            key=f"latent upload {dataset}",
            help="It never leaves this server's memory.",
        )
        held = uploaded_pictures.read_once(
            f"latent digit {dataset}",
            None if file is None else file.file_id,
            None if file is None else lambda: _digit(file.getvalue(), file.name),
        )
        if held.content is None:
            st.caption("Upload a picture of any size; the digit is centred.")
        return held.content

    def _uploaded_latent(self) -> None:
        """A latent that was downloaded before: no search is needed."""
        space = self.space
        file = st.file_uploader("A downloaded latent", type=["json"], key="latent file")
        if file is None:
            st.caption("The JSON of a latent takes you where it was saved.")
            return
        try:
            text = file.getvalue()[:100_000].decode("utf-8", "replace")
            z = pictures.from_json(text, f"{space.dataset}-wgan", space.latent_dim)
        except ValueError as error:
            st.error(str(error))
            return
        st.image(pictures.png(space.pictures(z[None])[0]), width=WIDTH, alt="Its picture")
        st.button(
            "Take it to the sliders", key="take file", on_click=partial(position.take, space, z)
        )

    def _buttons(self) -> None:
        run = self.worker.run
        left, right = st.columns(2)
        left.button(
            "Find it",
            icon=":material/search:",
            type="primary",
            width="stretch",
            disabled=self.config is None,
            on_click=self._start,
        )
        if run is not None and run.live:
            right.button(
                "Stop", icon=":material/stop:", on_click=self.worker.stop, width="stretch"
            )

    def _start(self) -> None:
        config = self.config
        self.worker.start(
            config, lambda: inversion.run(config, cache.st_model(f"{config.dataset}-wgan"))
        )

    def show(self) -> None:
        """The picture, the best so far, and the course; the first search starts by itself."""
        if self.worker.run is None and self.config is not None:
            self._start()
        run = self.worker.run
        if run is not None and run.key.dataset != self.space.dataset:
            run = None
        live = run is not None and run.live

        place = st.container()
        if run is not None and not live and run.items:
            st.button(
                "Take it to the sliders",
                type="primary",
                on_click=partial(position.take, self.space, run.items[-1].z),
            )
        with place:
            jobs.follow(run, lambda: self._found(run), 0.4, live=live)

    def _found(self, run: jobs.Run | None) -> None:
        frames = [] if run is None else [f for f in run.items if isinstance(f, inversion.Frame)]
        row = st.container(horizontal=True, gap="medium")
        wanted = self.levels
        if run is not None:
            wanted = (run.key.truth.numpy() * 255).round().astype(np.uint8)
        with row.container(width=WIDTH):
            st.markdown("**Wanted**")
            if wanted is None:
                st.caption("Nothing yet: draw or choose a picture.")
            else:
                st.image(pictures.png(wanted), width="stretch", output_format="PNG", alt="Wanted")
        if not frames:
            if run is not None and run.state == "failed":
                st.error("This search broke off on the server. Start it again.")
            return
        best = frames[-1]
        levels = (best.image * 255).round().astype(np.uint8)
        with row.container(width=WIDTH):
            st.markdown("**Found**")
            st.image(pictures.png(levels), width="stretch", output_format="PNG", alt="Found")
            st.caption(f"step {best.step}, RMSE {best.rmse:.3f}")
        if run.live:
            st.progress(best.step / run.key.steps)
        figure = figures.empty("step", "RMSE")
        courses = np.stack([frame.rmses for frame in frames])
        steps = [frame.step for frame in frames]
        for course in courses.T:
            figure.add_scatter(
                x=steps,
                y=course,
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
        figures.show("found", figure, "RMSE of pixels, levels in [0, 1], from eight beginnings")


@st.cache_resource(show_spinner="Loading the pictures …", max_entries=4)
def st_test_pictures(dataset: str) -> np.ndarray:
    """Some test pictures, uint8 (N, C, H, W)."""
    if dataset == "celeba":
        return data.faces("test", range(0, 40 * SHOWN, 40)).numpy()
    x = data.load(dataset, "test", download_missing=False).x
    rows = spread(np.arange(len(x)), SHOWN)
    return (x[rows] * 255).round().byte().numpy()


def _digit(content: bytes, name: str) -> np.ndarray:
    digit = intake.digit_from_picture(intake.read_picture(content, name))
    return (digit * 255).round().astype(np.uint8)[None]
