"""The results of the study of the plane, converted for the player and the download."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dgm_core.studies.likelihood.latent_plane import Config, Landscape, Moves, Normal2
from dgm_core.studies.likelihood.plane_history import Part, highest_density_level
from ui.components.plane_player import Density, Ellipse, State, Track, plane_message

MASS = 0.95
"""Probability inside a contour."""


def message(
    config: Config, ground: Landscape, parts: Sequence[Part], *, run: str, state: State
) -> dict[str, Any]:
    """The results so far, as the message that `plane_player` expects."""
    return plane_message(
        run=run,
        original=config.x[0, 0].bool().numpy(),
        hidden=~config.observed[0, 0].numpy(),
        mean_image=ground.seen.mean_image[0].numpy(),
        posterior=_density(*ground.seen.window[:2], ground.seen.window.log_density),
        original_posterior=_density(*ground.whole.window[:2], ground.whole.window.log_density),
        average_proposal=_density(ground.across, ground.up, ground.log_average),
        encoded_original=_ellipse(ground.of_whole),
        encoded_zeros=_ellipse(ground.of_zeros),
        tracks=tracks(config, parts),
        chains=config.chains,
        iterations=config.iterations,
        warmup=config.warmup,
        reach=config.reach,
        state=state,
    )


def tracks(config: Config, parts: Sequence[Part]) -> dict[str, Track]:
    """Sampler → its track; empty before the first part."""
    return {name: _track(name, parts) for name in config.samplers} if parts else {}


def _track(name: str, parts: Sequence[Part]) -> Track:
    histories = [part.histories[name] for part in parts]
    moves = [history.moves for history in histories]
    most = max(each.proposed.shape[1] for each in moves)

    def joined(field: str) -> np.ndarray:
        return torch.cat([getattr(each, field) for each in moves]).numpy()

    def of_proposals(field: str) -> np.ndarray:
        return torch.cat([_widened(getattr(each, field), most) for each in moves]).numpy()

    return Track(
        start=moves[0].before[0].numpy(),
        after=joined("after"),
        proposed=of_proposals("proposed"),
        log_ratio=of_proposals("log_ratio"),
        accepted=of_proposals("accepted"),
        mean=torch.cat([each.proposal.mean for each in moves]).numpy(),
        covariance=torch.cat([each.proposal.covariance for each in moves]).numpy(),
        log_posterior=torch.cat([history.log_posterior for history in histories]).numpy(),
        taken=torch.cat([history.taken for history in histories]).numpy(),
        draws=torch.cat([_image(each) for each in moves]).numpy(),
        distance=[
            (part.end, part.histories[name].distance)
            for part in parts
            if np.isfinite(part.histories[name].distance)
        ],
    )


def _widened(values: Tensor, most: int) -> Tensor:
    """(T, P, …) → (T, most, …), filled: a warm-up may have had fewer proposals."""
    shape = (len(values), most - values.shape[1], *values.shape[2:])
    filler = False if values.dtype == torch.bool else torch.nan
    return torch.cat([values, values.new_full(shape, filler)], 1)


def _image(moves: Moves) -> Tensor:
    return moves.x[:, :, 0] > 0.5


def _density(across: Tensor, up: Tensor, log_density: Tensor) -> Density:
    return Density(
        log_density.numpy(),
        (across[0].item(), across[-1].item()),
        (up[0].item(), up[-1].item()),
        (highest_density_level(log_density, MASS),),
    )


def _ellipse(normal: Normal2) -> Ellipse:
    return Ellipse(normal.mean[0].numpy(), normal.covariance[0].numpy())


def as_npz(config: Config, ground: Landscape, parts: Sequence[Part]) -> bytes:
    """Densities and all iterations of all samplers, as the bytes of an .npz file."""
    fields: dict[str, np.ndarray] = {
        "image": config.x[0, 0].numpy(),
        "observed": config.observed[0, 0].numpy(),
        "posterior/across": ground.seen.window.across.numpy(),
        "posterior/up": ground.seen.window.up.numpy(),
        "posterior/log density": ground.seen.window.log_density.numpy(),
        "posterior/mean image": ground.seen.mean_image[0].numpy(),
    }
    for name, track in tracks(config, parts).items():
        for field in ("start", "after", "proposed", "log_ratio", "accepted", "log_posterior"):
            fields[f"{name}/{field}"] = getattr(track, field)
        fields[f"{name}/draws"] = track.draws
        fields[f"{name}/total variation"] = np.array(track.distance)
    file = io.BytesIO()
    np.savez_compressed(file, **fields)
    return file.getvalue()
