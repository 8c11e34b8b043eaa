"""The one place that chooses a device: `$DGM_DEVICE`, else CUDA when present, else the CPU."""

import os

import torch


def default_device() -> torch.device:
    """The device for models and data made at the edge (command line, app, training)."""
    named = os.environ.get("DGM_DEVICE")
    return torch.device(named or ("cuda" if torch.cuda.is_available() else "cpu"))
