"""Alternating training of a VAE and a mixture, on a few hundred small digits."""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from dgm_core.data.cluster_images import ClusterImages
from dgm_core.metrics import clustering_scores
from dgm_core.mixtures import GaussianMixture, contingency
from dgm_core.models.vae_gmm import MixtureVAE
from dgm_core.rng import draw, generator
from dgm_core.training import mutual
from dgm_core.training.losses import negative_mixture_bound
from dgm_core.training.mixture_fits import FITS
from dgm_core.training.mutual import FORMS, LIMITS, Config, Frame, Result, Shot
from dgm_core.types import LabelledImages
from tests.studies.small_digits import SMALL, same, small_images

KINDS = {
    **{form: {"form": form} for form in FORMS},
    "Gibbs": {"fit": "Gibbs"},
    "variational": {"fit": "variational", "spread": False, "blur": 0.0},
    "hard, diagonal": {"hard": True, "diagonal": True},
    "renewed, annealed": {"renewed": True, "annealed": True},
    "joint, diagonal, renewed": {"form": "joint", "diagonal": True, "renewed": True},
}


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough sweeps for a few hundred points."""
    monkeypatch.setattr("dgm_core.training.mixture_fits.ITERATIONS", 30)
    monkeypatch.setattr("dgm_core.training.mixture_fits.RESTARTS", 6)


def run(**changes: object) -> Result:
    *_, last = mutual.run(replace(SMALL, **changes), small_images())
    return last


result = cache(run)
"""The result of a run that is made once for all tests."""


def message(shot: Shot, mixture: GaussianMixture) -> float:
    """The only term of the bound that contains the mixture, for the networks of this shot."""
    joint = mixture.log_joint(*shot.latents)
    return joint.logsumexp(1).double().mean().item()


@pytest.mark.parametrize("kind", KINDS)
def test_every_form_trains_equally_long_and_reports_progress(kind: str) -> None:
    config = replace(SMALL, **KINDS[kind])
    *frames, last = mutual.run(config, small_images())
    assert all(isinstance(frame, Frame) for frame in frames)
    done = [frame.done for frame in frames]
    assert done == sorted(done)
    assert done[-1] == 1
    assert isinstance(last, Result)
    assert last.config == config
    a_round = 16 if config.renewed else 4
    assert [shot.epoch for shot in last.shots] == [16, 16 + a_round, 16 + 2 * a_round]
    assert config.control.all_epochs == config.all_epochs == last.shots[-1].epoch
    expected = [0, 0, 0] if config.form == "one pass" else [0, 1, 2]
    assert [shot.round for shot in last.shots] == expected
    for shot in last.shots:
        numbers = [*shot.bound, shot.log_evidence]
        assert all(-1000 < number < 1000 for number in numbers)
        parts = shot.bound.reconstruction + shot.bound.entropy + shot.bound.message
        assert shot.bound.elbo == pytest.approx(parts)
        off = shot.mixture.covariances - torch.diag_embed(shot.mixture.variances)
        assert bool(off.any()) != config.diagonal
    if not config.renewed:
        assert last.shots[-1].bound.elbo > last.shots[0].bound.elbo


@pytest.mark.parametrize("form", FORMS)
def test_a_shot_agrees_with_its_networks_and_mixture(form: str) -> None:
    found = result(form=form)
    shot, images = found.shots[-1], small_images()
    # The model comes with the last mixture as its prior, ready to be used and not to be trained.
    assert torch.equal(found.model.means, shot.mixture.means)
    assert torch.equal(found.model.mixture.covariances, shot.mixture.covariances)
    assert not found.model.training
    assert not any(each.requires_grad for each in found.model.parameters())
    x = images.x / 255
    latents = found.model.latents(x)
    assert torch.equal(latents.mean, shot.latents.mean)
    r = found.model.responsibilities(x)
    assert torch.equal(r.argmax(1), shot.assignment)
    torch.testing.assert_close(r.amax(1), shot.confidence)
    own = clustering_scores(shot.assignment, images.y, 5)
    assert shot.scores.accuracy == own.accuracy
    assert shot.bound.message == pytest.approx(message(shot, shot.mixture), abs=1e-4)
    distribution = found.model.encode(x)
    log_likelihood = found.model.decode(draw(distribution, generator(SMALL.seed + 1))).log_prob(x)
    assert shot.bound.entropy == pytest.approx(distribution.entropy().mean().item(), abs=1e-3)
    assert shot.bound.reconstruction == pytest.approx(log_likelihood.mean().item(), abs=1e-2)


@pytest.mark.parametrize("form", FORMS)
def test_a_config_repeats_the_run_and_another_seed_changes_it(form: str) -> None:
    before = torch.get_rng_state()
    one, two, other = result(form=form), run(form=form), run(form=form, seed=1)
    assert same(one, two)
    assert not same(one, other)
    assert torch.equal(torch.get_rng_state(), before)  # used by all sessions


def test_all_forms_begin_with_the_same_networks() -> None:
    warm = [result(form=form).shots[0] for form in FORMS]
    for other in warm[1:]:
        assert torch.equal(warm[0].latents.mean, other.latents.mean)
        assert torch.equal(warm[0].mixture.means, other.mixture.means)
    ends = [result(form=form).shots[-1].latents.mean for form in FORMS]
    assert not any(torch.equal(a, b) for a, b in zip(ends, ends[1:] + ends[:1], strict=True))


def test_one_pass_does_not_depend_on_the_mixture() -> None:
    variants = ({}, {"fit": "Gibbs", "blur": 0.7}, {"hard": True, "weight": 3.0, "annealed": True})
    plain, *others = (result(form="one pass", **variant) for variant in variants)
    for other in others:
        assert torch.equal(other.shots[-1].latents.mean, plain.shots[-1].latents.mean)
    assert not torch.equal(plain.model.means, others[0].model.means)


def test_networks_are_trained_under_the_prior_of_their_form(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """N(0, I) all along, or after the warm-up the last mixture, or one that moves each step."""
    seen: list[tuple[Tensor, Tensor]] = []

    def watched(*args: float, **settings: bool) -> object:
        objective = negative_mixture_bound(*args, **settings)

        def loss(model: MixtureVAE, images: LabelledImages, source: torch.Generator) -> Tensor:
            seen.append((model.means.clone(), model.mixture.covariances))
            return objective(model, images, source)

        return loss

    for name in ("dgm_core.training.mutual", "dgm_core.training.losses"):
        monkeypatch.setattr(f"{name}.negative_mixture_bound", watched)
    steps = 8  # an epoch
    for form in FORMS:
        seen.clear()
        shots = run(form=form).shots
        assert len(seen) == SMALL.all_epochs * steps
        rounds = [seen[at * steps : (at + 4) * steps] for at in (16, 20)]
        under = seen if form == "one pass" else seen[: 16 * steps]
        for means, covariances in under:
            assert not means.any()
            assert torch.equal(covariances, torch.eye(3).expand(5, 3, 3))
        for during, shot in zip(rounds, shots, strict=False) if form != "one pass" else ():
            assert torch.equal(during[0][0], shot.mixture.means)
            different = len({means.sum().item() for means, _ in during})
            assert different == (1 if form == "mutual" else 4 * steps)


@pytest.mark.parametrize("form", ["mutual", "joint"])
def test_an_annealed_message_grows_evenly_to_its_weight(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights_used: list[float] = []

    def watched(weight: float = 1.0, **settings: bool) -> object:
        weights_used.append(weight)
        return negative_mixture_bound(weight, **settings)

    for name in ("dgm_core.training.mutual", "dgm_core.training.losses"):
        monkeypatch.setattr(f"{name}.negative_mixture_bound", watched)
    for annealed, weights in ((True, [0.5, 1.0, 1.5, 2.0]), (False, 4 * [2.0])):
        weights_used.clear()
        run(form=form, warmup=1, rounds=4, epochs=1, weight=2.0, annealed=annealed)
        assert weights_used == [1.0, *weights]  # the warm-up is that of every run


def gains(shots: tuple[Shot, ...]) -> list[float]:
    """Gain of each mixture over the previous one, for the networks it was fitted to."""
    return [
        message(now, now.mixture) - message(now, before.mixture) for before, now in pairwise(shots)
    ]


@pytest.mark.parametrize("diagonal", [False, True])
def test_the_mixture_alone_never_lowers_the_bound(diagonal: bool) -> None:
    """The mixture, fitted by EM to q(z|x) with its spread, raises the bound of the networks."""
    settings = {"blur": 0.0, "diagonal": diagonal, "rounds": 4}
    shots = result(**settings).shots
    found = gains(shots)
    assert min(found) > -1e-5
    assert max(found) > 0.02
    # A fit to the means alone lowers it: its clusters are too small for the posteriors.
    last, plan = shots[-1], replace(SMALL, spread=False, diagonal=diagonal).plan
    *_, narrow = FITS["EM"](last.latents, plan, last.mixture, 0)
    assert message(last, narrow.mixture) < message(last, last.mixture) - 0.02


def test_the_bound_of_one_pass_has_its_mixture_as_the_prior() -> None:
    shot = result(form="one pass").shots[-1]
    standard = GaussianMixture(torch.ones(1), torch.zeros(1, 3), torch.ones(1, 3))
    assert message(shot, shot.mixture) > message(shot, standard) + 0.1


def overlap(before: Tensor, now: Tensor) -> tuple[int, int]:
    """Points in the cluster of the same name, and the most that other names would give."""
    table = contingency(before, now, 5, 5).tolist()
    names = itertools.permutations(range(5))
    best = max(sum(table[k][name[k]] for k in range(5)) for name in names)
    return int((before == now).sum()), best


@pytest.mark.parametrize("kind", ["variational", "mutual", "joint"])
def test_clusters_keep_their_names(kind: str) -> None:
    config = replace(SMALL, **KINDS[kind])
    *frames, last = mutual.run(config, small_images())
    assert len(last.shots[0].assignment.unique()) > 2
    for before, now in pairwise(last.shots):
        kept, best = overlap(before.assignment, now.assignment)
        assert kept == best > 120
    if kind == "variational":  # each fit starts again and names its clusters itself
        own = frames[-1].fitting.mixture.assign(last.shots[-1].latents.mean)
        kept, best = overlap(last.shots[-2].assignment, own)
        assert kept < best


def test_hard_messages_use_the_latest_assignment(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Tensor] = []
    plain = mutual.fit

    def watched(
        model: MixtureVAE, objective: object, images: LabelledImages, *rest: object, **more: object
    ) -> object:
        seen.append(images.y)
        return plain(model, objective, images, *rest, **more)

    monkeypatch.setattr(mutual, "fit", watched)
    shots = run(hard=True).shots
    assert len(seen) == 3
    assert torch.equal(seen[1], shots[0].assignment)
    assert torch.equal(seen[2], shots[1].assignment)
    assert not torch.equal(seen[1], seen[2])
    assert not torch.equal(result(hard=False).model.means, result(hard=True).model.means)


def test_joint_training_works_with_any_batch_size() -> None:
    """A batch larger than the data set, and a last batch with a single image."""
    images = small_images()
    few = ClusterImages(images.x[:101], images.y[:101], images.classes)
    for batch_size in (1024, 100):
        config = replace(SMALL, form="joint", batch_size=batch_size)
        *_, last = mutual.run(config, few)
        assert last.shots[-1].bound.elbo > last.shots[0].bound.elbo


def test_no_round_is_the_warm_up_and_its_mixture() -> None:
    for form in FORMS:
        found = result(form=form, rounds=0)
        assert [shot.epoch for shot in found.shots] == [16]
        assert torch.equal(found.model.means, found.shots[0].mixture.means)


@pytest.mark.parametrize("name", ["dataset", "form", "fit"])
def test_an_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"expected {name} among .*, got 'x'"):
        replace(SMALL, **{name: "x"})


@pytest.mark.parametrize("name", LIMITS)
def test_a_number_out_of_its_range_is_refused(name: str) -> None:
    low, high = LIMITS[name]
    assert getattr(replace(SMALL, **{name: low}), name) == low
    assert getattr(replace(SMALL, **{name: high}), name) == high
    for wrong in (low - 1, high + 1, float("nan")):
        with pytest.raises(ValueError, match=f"expected {name} from {low} to {high}, got {wrong}"):
            replace(SMALL, **{name: wrong})


def test_every_part_of_a_training_has_its_own_batches_and_noise() -> None:
    places = (0, 16, 20, 24)
    seeds = {replace(SMALL, seed=seed).schedule(4, at).seed for seed in range(3) for at in places}
    assert len(seeds) == 3 * len(places)


def test_the_published_settings_differ_as_documented() -> None:
    published = mutual.PUBLISHED
    assert published.all_epochs == 200
    assert (published.images, published.clusters, published.latent_dim) == (10_000, 10, 12)
    assert published.control == replace(published, form="one pass")
    assert Config().plan.spread
    assert not published.plan.spread
