"""Training: the loop `fit`, losses, checkpoints, restarts, training by several processes."""

from dgm_core.training.loop import (
    GRADIENT_LIMIT,
    Data,
    Objective,
    Progress,
    Schedule,
    Validation,
    clip_gradients,
    fit,
    latest_weights,
    schedule_of_steps,
)

__all__ = [
    "GRADIENT_LIMIT",
    "Data",
    "Objective",
    "Progress",
    "Schedule",
    "Validation",
    "clip_gradients",
    "fit",
    "latest_weights",
    "schedule_of_steps",
]
