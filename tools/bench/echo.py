"""A minimal Streamlit app: each pointer-up on a canvas makes the server send a new picture.

The app has one component. Its state is the number of strokes, and its data are a random picture
for that number. The component reports each new picture with the same event as the chain player.
"""

import base64

import numpy as np
import streamlit as st
from streamlit.components.v2 import component

from dgm_core.data.sizes import DIGIT_SIDE

ECHO = component(
    "echo",
    html='<canvas class="echo" width="280" height="280" data-shown=""></canvas>',
    css="canvas { touch-action: none }",
    js="""
    export default function ({ data, parentElement, setStateValue }) {
      const canvas = parentElement.querySelector("canvas")
      canvas.onpointerup = () => setStateValue("strokes", data.strokes + 1)
      if (canvas.dataset.shown === String(data.strokes)) return
      canvas.dataset.shown = data.strokes
      const levels = Uint8Array.from(atob(data.picture), (each) => each.charCodeAt(0))
      const screen = canvas.getContext("2d")
      levels.forEach((level, i) => {
        screen.fillStyle = `rgb(${level} ${level} ${level})`
        screen.fillRect(10 * (i % 28), 10 * Math.floor(i / 28), 10, 10)
      })
      const detail = { run: String(data.strokes), iteration: 1 }
      document.dispatchEvent(new CustomEvent("dgm-iteration", { detail }))
    }
    """,
)

strokes = st.session_state.get("echo", {}).get("strokes", 0)
picture = np.random.default_rng(strokes).integers(0, 256, (DIGIT_SIDE, DIGIT_SIDE), np.uint8)
ECHO(
    key="echo",
    data={"strokes": strokes, "picture": base64.b64encode(picture.tobytes()).decode("ascii")},
    on_strokes_change=lambda: None,
)
