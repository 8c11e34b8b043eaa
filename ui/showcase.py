"""The run that is shipped, so that there is a good picture before any click, and before torch.

`python -m ui.showcase` makes it again from the shipped model.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import streamlit as st

FILE = Path(__file__).parent.parent / "assets" / "inpainting.json"
THUMBNAIL = 8
"""Which of the thumbnails of all scikit-learn digits is shown."""


class Showcase(NamedTuple):
    """A finished run: the arguments of its `Config`, and the player's message."""

    config: dict[str, Any]
    message: dict[str, Any]


@st.cache_resource(show_spinner=False)
def st_showcase() -> Showcase:
    """The shipped run."""
    read = json.loads(FILE.read_text(encoding="utf-8"))
    config = read["config"]
    for field in ("image", "hidden"):
        config[field] = bytes.fromhex(config[field])
    return Showcase(config, read["message"])


def make() -> None:
    """Run the default configuration and write the file."""
    from dgm_core import data, zoo
    from dgm_core.files import written_whole
    from dgm_core.missing import masks
    from dgm_core.studies import inpainting
    from ui import figures
    from ui.inputs import SHOWN

    digits = data.load("digits", "test").x[:, 0]
    row = int(np.linspace(0, len(digits) - 1, SHOWN)[THUMBNAIL])
    truth = data.threshold(digits[row]).numpy()
    hidden = ~masks.top_half(28, 28).numpy()
    config = inpainting.Config("digits-dlvm", inpainting.pack(truth), inpainting.pack(hidden))
    *frames, _ = inpainting.run(config, zoo.load(config.model))
    message = figures.chains(config, frames, run="shipped", state="finished", autoplay=True)
    fields = {k: v.hex() if isinstance(v, bytes) else v for k, v in vars(config).items()}
    with written_whole(FILE) as part:
        part.write_text(json.dumps({"config": fields, "message": message}), encoding="utf-8")


if __name__ == "__main__":
    make()
