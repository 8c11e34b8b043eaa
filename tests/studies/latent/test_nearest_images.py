"""The nearest training images are found, part by part."""

from __future__ import annotations

import numpy as np
import torch

from dgm_core import data
from dgm_core.studies.latent import nearest_images


def test_a_training_image_is_nearest_to_itself_and_the_others_are_sorted() -> None:
    x = (data.load("digits", "train").x * 255).round().to(torch.uint8)
    *_, last = nearest_images.run("digits", x[1234].numpy(), count=4)
    assert last.done == 1
    assert np.array_equal(last.images[0], x[1234].numpy())
    assert last.distances[0] == 0
    every = torch.linalg.vector_norm((x.float() - x[1234].float()).flatten(1) / 255, dim=1)
    np.testing.assert_allclose(last.distances, every.sort().values[:4], rtol=1e-5)


def test_frames_report_progress() -> None:
    done = [frame.done for frame in nearest_images.run("digits", np.zeros((1, 28, 28), np.uint8))]
    assert len(done) == 2
    assert done == sorted(done)
