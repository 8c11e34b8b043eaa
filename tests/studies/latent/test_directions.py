"""Directions of a latent space, on a generator whose directions and traits are known."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from dgm_core.checkout import ASSETS
from dgm_core.models.wgan import WGAN
from dgm_core.rng import generator, normal
from dgm_core.studies.latent import directions

SIDE, L = 12, 5
ROOT = Path(__file__).parents[3]


class Strokes(nn.Module):
    """(B, 5) hidden numbers → logits of a bar; three numbers set its ink, slant and height."""

    def forward(self, h: Tensor) -> Tensor:
        rows = torch.linspace(-1, 1, SIDE)[:, None]
        columns = torch.linspace(-1, 1, SIDE)
        ink, slant, height = (h[:, i, None, None].tanh() for i in (0, 1, 2))
        inside = 0.5 - (columns + 0.8 * slant * rows).abs() * 2 / (1.2 + ink)
        short = 0.9 + 0.3 * height - rows.abs()
        return (12 * torch.minimum(inside, short))[:, None]


def model(
    turn: Tensor | None = None, strengths: tuple[float, ...] = (1.0, 3.0, 2.0, 0, 0)
) -> WGAN:
    """The first layer is diag(strengths), after a rotation of the latent space."""
    first = nn.Linear(L, L)
    turn = torch.eye(L) if turn is None else turn
    with torch.no_grad():
        first.weight.copy_(0.4 * torch.diag(torch.tensor(strengths)) @ turn)
        first.bias.zero_()
    return WGAN(nn.Sequential(first, Strokes()), nn.Flatten(), L).eval()


def rotation() -> Tensor:
    return torch.linalg.qr(normal((L, L), generator(4))).Q


def test_principal_directions_are_those_of_the_first_layer_in_order() -> None:
    turn = rotation()
    found = directions.principal_directions(model(turn))
    torch.testing.assert_close(found @ found.T, torch.eye(L), atol=1e-5, rtol=0)
    alike = (found @ turn.T).abs()
    torch.testing.assert_close(alike[:3, [1, 2, 0]], torch.eye(3), atol=1e-4, rtol=0)


def test_they_are_the_principal_components_of_its_outputs() -> None:
    of = model(rotation())
    z = of.latents(20_000, generator(0))
    outputs = of.synthesis[0](z).detach()
    _, vectors = torch.linalg.eigh(torch.cov(outputs.T))
    moved = of.synthesis[0].weight.detach() @ directions.principal_directions(of)[0]
    assert abs(moved / moved.norm() @ vectors[:, -1]) > 0.999


def test_directions_are_named_after_their_effect_and_oriented() -> None:
    turn = rotation()
    found = directions.study(model(turn), wanted=("slant", "ink"), regressed=2000)
    assert found.principal.names[0] == "slant"
    assert found.principal.names[3:] == ("", "")  # these have no effect
    assert (found.principal.effects[3:] == 0).all()
    up, down = (
        directions.measured_traits(model(turn).generate(sign * found.principal.vectors[:1]))
        for sign in (2, -2)
    )
    assert up["slant"] > down["slant"]
    own = found.traits
    assert own.names == ("slant", "ink")
    torch.testing.assert_close(own.vectors @ own.vectors.T, torch.eye(2), atol=1e-5, rtol=0)
    assert abs(own.vectors[0] @ turn[1]) > 0.97
    assert abs(own.vectors[1] @ turn[0]) > 0.9
    assert (own.effects > 0.5).all()


def test_a_name_that_the_images_do_not_show_is_not_offered() -> None:
    """Of the directions of this generator, 0 sets the ink and 1 the slant; 3 changes nothing."""
    vectors = torch.eye(L)[[0, 1, 3]]
    names, effects = ("ink", "slant", "slant"), torch.ones(3)
    unknown = torch.full((3, 2), torch.nan)
    right = directions.Basis(vectors, names, effects, unknown)
    swapped = right._replace(names=("slant", "ink", ""))
    of = model()
    found = directions.judged(directions.Directions(right, swapped), of)
    assert (found.principal.hits[:2] > 0.95).all()
    assert found.principal.offered == [True, True, False]
    assert found.traits.offered == [False, False, False]
    assert found.traits.hits[2].isnan().all()
    half = found.principal.hits[2].sum().item()  # nothing moved: the draws on either side
    assert half == pytest.approx(1, abs=0.02)
    z = of.latents(directions.JUDGED, generator(2))
    split = directions.measured_traits(of.generate(z))["ink"].median()
    moved = z.clone()
    moved[:, 0] = directions.END
    expected = (directions.measured_traits(of.generate(moved))["ink"] > split).float().mean()
    assert found.principal.hits[0, 1] == expected


def test_a_predicted_trait_counts_where_the_classifier_predicts_it() -> None:
    values = {"smiling": torch.tensor([-5.0, -4.0, -3.0]), "ink": torch.tensor([1.0, 2.0, 9.0])}
    assert directions._split("smiling", values) == 0
    assert directions._split("ink", values) == 2


@pytest.mark.parametrize("dataset", directions.WANTED)
def test_the_shipped_directions_have_hit_rates(dataset: str) -> None:
    found = directions.load(ASSETS / f"{dataset}-wgan-directions.npz")
    assert found.traits.names == directions.WANTED[dataset]
    for basis in found:
        named = torch.tensor([bool(name) for name in basis.names])
        assert ((basis.hits >= 0) & (basis.hits <= 1)).all(1).tolist() == named.tolist()
    assert any(found.traits.offered)


def test_slant_is_the_tangent_of_the_angle() -> None:
    rows = torch.arange(41.0)[:, None] - 20
    columns = torch.arange(41.0) - 20
    for tangent in (-0.5, 0.0, 0.4):
        # slanted to the right: the upper part is further right, and rows run downwards
        ink = (columns + tangent * rows).abs() <= 1.5
        found = directions.measured_traits(ink[None, None].float())
        assert found["slant"].item() == pytest.approx(tangent, abs=0.02)
        assert found["ink"].item() == ink.sum()


def test_colours_have_traits_of_their_own() -> None:
    image = torch.zeros(1, 3, 4, 4)
    image[:, 0] = 0.8
    image[:, 2] = 0.2
    found = directions.measured_traits(image)
    assert found["warmth"].item() == pytest.approx(0.6)
    assert found["greenness"].item() == pytest.approx(-0.5)
    assert found["brightness"].item() == pytest.approx(1 / 3)
    assert found["contrast"].item() == pytest.approx(0, abs=1e-6)


def test_directions_survive_a_file(tmp_path: Path) -> None:
    found = directions.study(model(), wanted=("ink",), images=20, regressed=50)
    directions.save(found, tmp_path / "d.npz")
    again = directions.load(tmp_path / "d.npz")
    for kind in ("principal", "traits"):
        before, after = getattr(found, kind), getattr(again, kind)
        assert torch.equal(before.vectors, after.vectors)
        assert before.names == after.names
        assert torch.equal(before.hits.nan_to_num(9), after.hits.nan_to_num(9))


def test_a_generator_without_a_linear_first_layer_is_refused() -> None:
    with pytest.raises(ValueError, match="linear first layer, got Strokes"):
        directions.principal_directions(WGAN(nn.Sequential(Strokes()), nn.Flatten(), L))


def test_every_measured_trait_is_listed() -> None:
    grey, colour = (torch.ones(2, channels, 8, 8) for channels in (1, 3))
    found = [*directions.measured_traits(grey), *directions.measured_traits(colour)]
    assert sorted(found) == sorted(directions.MEASURED)
