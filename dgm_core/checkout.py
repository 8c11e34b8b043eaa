"""Folders of the checkout. An installed library has none of them."""

from __future__ import annotations

from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
ASSETS = CHECKOUT / "assets"
"""Measured numbers, and files that belong to no single model."""
PRETRAINED = CHECKOUT / "pretrained"
"""Cards and weights of the shipped models; `zoo.FOLDER` may be another folder."""
