"""Scores against scikit-learn's, on the hidden pixels alone."""

import torch
from sklearn.metrics import f1_score

from dgm_core.metrics import f1_hidden
from dgm_core.rng import generator


def test_f1_equals_that_of_scikit_learn_on_hidden_pixels() -> None:
    guess, truth, seen = (torch.rand(3, 6, 1, 9, 9, generator=generator(0)) < 0.4).unbind(0)
    scores = f1_hidden(guess, truth, seen)
    for row in range(6):
        hidden = ~seen[row]
        expected = f1_score(truth[row][hidden].numpy(), guess[row][hidden].numpy())
        assert abs(scores[row] - expected) < 1e-6
    # What was seen does not count, even when it is wrong.
    assert torch.equal(scores, f1_hidden(torch.where(seen, ~guess, guess), truth, seen))


def test_f1_of_nothing_to_find_and_nothing_found_is_one() -> None:
    nothing = torch.zeros(1, 1, 4, 4)
    assert f1_hidden(nothing, nothing, nothing.bool()).item() == 1
    assert f1_hidden(nothing + 1, nothing, nothing.bool()).item() == 0
    assert f1_hidden(nothing + 1, nothing, ~nothing.bool()).item() == 1


def test_probabilities_count_as_ink_above_one_half() -> None:
    truth = torch.tensor([[1.0, 1.0, 0.0]])
    mean = torch.tensor([[0.9, 0.4, 0.6]])
    seen = torch.zeros(1, 3, dtype=torch.bool)
    assert f1_hidden(mean, truth, seen, event_dims=1).item() == 0.5
