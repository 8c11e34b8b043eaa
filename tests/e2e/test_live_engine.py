"""The live engine in browsers: the chains of the library, exact conditionals, a worker."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Page

from dgm_core.distributions import gaussian
from dgm_core.live import scripts
from dgm_core.rng import draw, generator
from dgm_core.types import Masked
from tests.e2e.other_browsers import OPENERS, Window
from tests.live import mirror, models
from tests.toys import LinearGaussian, SmallBernoulli

pytestmark = pytest.mark.e2e
CHAINS, SEED, WARMUP = 4, 2**33 + 12, 10


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """An empty page of Chromium with the engine, and the page's side of the worker."""
    opened = browser.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    add_engine(opened)
    yield opened
    opened.close()
    assert problems == []


@pytest.fixture(scope="module", params=["chromium", *OPENERS])
def each_page(request: pytest.FixtureRequest) -> Iterator[Page | Window]:
    """The same in each browser."""
    if request.param == "chromium":
        yield request.getfixturevalue("page")
        return
    with ExitStack() as stack:
        opened = OPENERS[request.param](stack)
        opened.goto("about:blank")
        add_engine(opened)
        yield opened


def add_engine(page: Page | Window) -> None:
    page.evaluate(
        """([engine, client]) => {
          const script = document.createElement("script");
          script.textContent = engine + client +
            ";window.engine = {makeModel, Chains}; window.LiveChains = LiveChains;" +
            "window.bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer";
          document.head.append(script);
        }""",
        [scripts.engine(), scripts.client()],
    )


def base64_of(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


@pytest.fixture(scope="module")
def digits() -> models.Live:
    return models.shipped("mnist-dlvm")


@pytest.fixture(scope="module")
def picture(digits: models.Live) -> np.ndarray:
    """A digit that the model drew, (784,)."""
    with torch.inference_mode():
        z = draw(digits.model.prior().expand((1,)), generator(6))
        return (digits.model.decode(z).mean > 0.5).double().numpy().ravel()


def observed_masks() -> list[np.ndarray]:
    """Lower half observed; then most of the left half and some pixels of the right."""
    row, column = np.mgrid[:28, :28]
    return [(row >= 14).ravel(), ((column < 12) | (row % 5 == 0)).ravel()]


SAME_CHAIN = """([text, settings, picture, masks, iterations, plain]) => {
  const model = engine.makeModel(bytes(text), settings.chains, plain);
  const chains = new engine.Chains(model, settings);
  const path = {logRatio: [], logU: [], accepted: []};
  masks.forEach((mask, part) => {
    chains.warmup = part ? 0 : settings.warmup;
    chains.observe(picture, mask);
    for (let i = 0; i < iterations; i += 1) {
      const exact = !chains.warmingUp;
      chains.step();
      if (exact) for (const name of Object.keys(path)) path[name].push([...chains[name]]);
    }
  });
  return {...path, x: [...chains.x], mean: [...chains.posteriorMean()], kernels:
    model.kernels.name, acceptance: [...chains.acceptance()]};
}"""


@pytest.fixture(scope="module")
def parts(picture: np.ndarray) -> list[mirror.Part]:
    """200 iterations of Metropolis; after the first 100 the mask changes."""
    masks = zip(observed_masks(), (WARMUP, 0), strict=True)
    return [mirror.Part(problem(picture, each), 100 + WARMUP, warmup) for each, warmup in masks]


@pytest.fixture(scope="module")
def exact(digits: models.Live, parts: list[mirror.Part]) -> mirror.Path:
    """What the library's samplers do."""
    return mirror.run(digits.model, parts, SEED)


def test_the_comparison_finds_chains_that_keep_a_density_of_the_old_problem(
    digits: models.Live, parts: list[mirror.Part], exact: mirror.Path
) -> None:
    stale = mirror.run(digits.model, parts, SEED, stale=True)
    assert stale.accepted.tolist() != exact.accepted.tolist()


def test_the_same_seed_takes_the_same_decisions_as_the_library(
    each_page: Page | Window, digits: models.Live, picture: np.ndarray, exact: mirror.Path
) -> None:
    masks = observed_masks()
    settings = {"chains": CHAINS, "seed": SEED, "sampler": "Metropolis-within-Gibbs"}
    found = each_page.evaluate(
        SAME_CHAIN,
        [
            base64_of(digits.content),
            {**settings, "warmup": WARMUP},
            picture.tolist(),
            [mask.astype(int).tolist() for mask in masks],
            100 + WARMUP,
            False,
        ],
    )
    assert found["kernels"] == "WebAssembly"
    assert len(exact.accepted) >= 200
    assert np.abs(np.array(found["logRatio"]) - exact.log_ratio.numpy()).max() < 1e-3
    np.testing.assert_allclose(found["logU"], exact.log_u, rtol=0, atol=1e-12)
    assert np.array(found["accepted"], bool).tolist() == exact.accepted.tolist()
    assert 0 < exact.accepted.double().mean() < 1
    assert found["x"] == exact.x.flatten().tolist()
    mean = np.where(masks[1], picture, exact.mean.numpy().ravel())
    np.testing.assert_allclose(found["mean"], mean, rtol=0, atol=1e-4)
    since = exact.accepted[100:].double().mean(0)
    np.testing.assert_allclose(found["acceptance"], since, rtol=0, atol=1e-6)


def problem(picture: np.ndarray, observed: np.ndarray) -> Masked:
    shape = CHAINS, 1, 28, 28
    x = torch.tensor(np.tile(picture, CHAINS)).reshape(shape)
    return Masked(x, torch.tensor(np.tile(observed, CHAINS)).reshape(shape))


DRAWS = """([text, settings, picture, observed, iterations]) => {
  const model = engine.makeModel(bytes(text), settings.chains);
  const chains = new engine.Chains(model, settings);
  chains.observe(picture, observed);
  for (let i = 0; i < iterations; i += 1) chains.step();
  return [...chains.x];
}"""


def draws(page: Page, content: bytes, sampler: str, row: Any, observed: Any) -> torch.Tensor:
    """The hidden entries of 4000 chains after 400 iterations; 120 are too few."""
    settings = {"chains": 4000, "seed": 1, "sampler": sampler, "warmup": 0}
    arguments = [base64_of(content), settings, row.tolist(), observed.int().tolist(), 400]
    x = torch.tensor(page.evaluate(DRAWS, arguments), dtype=torch.float64)
    return x.reshape(4000, -1)[:, ~observed]


def test_with_a_wrong_encoder_only_metropolis_reaches_the_gaussian_conditional(page: Page) -> None:
    exact_model = LinearGaussian()
    row = torch.tensor([1.5, -0.5, 0.8, 0.0, 2.0], dtype=torch.float64)
    observed = torch.tensor([True, False, True, False, False])
    exact = gaussian.condition(exact_model.offset, exact_model.covariance, row, observed)
    wrong = models.linear_gaussian(LinearGaussian(shift=0.5, stretch=1.5))

    def standard_errors_off(sampler: str) -> float:
        x = draws(page, wrong, sampler, row, observed)
        return ((x.mean(0) - exact.mean).abs() / (x.std(0) / len(x) ** 0.5)).max().item()

    assert standard_errors_off("Metropolis-within-Gibbs") < 5
    assert standard_errors_off("pseudo-Gibbs") > 15


def test_only_metropolis_reaches_the_enumerated_bernoulli_conditional(page: Page) -> None:
    toy = SmallBernoulli()
    row = torch.tensor([1.0, 0.0, 1.0, 1.0, 0.0, 0.0], dtype=torch.float64)
    observed = torch.tensor([True, False, True, False, True, False])
    exact = toy.pixel_marginals(row, observed)
    error = (exact * (1 - exact) / 4000).sqrt()
    content = models.small_bernoulli(toy)

    def standard_errors_off(sampler: str) -> float:
        mean = draws(page, content, sampler, row, observed).mean(0)
        return ((mean - exact).abs() / error).max().item()

    assert standard_errors_off("Metropolis-within-Gibbs") < 5
    assert standard_errors_off("pseudo-Gibbs") > 10


WORKER = """async ([text, picture, masks, plain]) => {
  const seen = [];
  let more;
  const next = (kind) => new Promise((resolve) => { more = (m) => m.type === kind && resolve(m) });
  const note = (message) => { seen.push(message); more(message); };
  const live = new LiveChains(
    {weights: bytes(text), chains: 2, seed: 5, warmup: 3, framesPerSecond: 15, plain},
    {ready: note, frame: note, error: note});
  const ready = await next("ready");
  live.run();
  const early = await next("error");
  live.observe(picture, masks[0]);
  live.run();
  await next("frame");
  live.observe(picture, masks[1]);
  let changed = await next("frame");
  while (changed.problem < 2) changed = await next("frame"); // one may be under way
  let last = changed;
  const start = performance.now();
  while (last.warmingUp) last = await next("frame");
  live.stop();
  while (last.running) last = await next("frame");
  live.run(4);
  let finished = await next("frame");
  while (finished.running) finished = await next("frame");
  live.close();
  const plainly = (frame) => ({...frame, mean: [...frame.mean], draws: [...frame.draws],
    acceptance: [...frame.acceptance]});
  return {ready, early, changed: plainly(changed), last: plainly(last),
    finished: plainly(finished), kinds: seen.map(({type}) => type)};
}"""


@pytest.mark.parametrize("plain", [False, True], ids=["WebAssembly", "JavaScript"])
def test_the_worker_keeps_to_its_messages(
    each_page: Page | Window, digits: models.Live, picture: np.ndarray, plain: bool
) -> None:
    masks = observed_masks()
    messages = each_page.evaluate(
        WORKER,
        [
            base64_of(digits.content),
            picture.tolist(),
            [mask.astype(int).tolist() for mask in masks],
            plain,
        ],
    )
    assert messages["ready"]["kernels"] == ("JavaScript" if plain else "WebAssembly")
    assert messages["ready"]["about"]["name"] == "mnist-dlvm"
    assert messages["early"]["message"] == "expected a problem before run"
    changed, last, finished = messages["changed"], messages["last"], messages["finished"]
    assert changed["problem"] == 2
    assert changed["iteration"] == 1
    assert changed["warmingUp"]
    assert np.array(changed["mean"])[masks[1]].tolist() == picture[masks[1]].tolist()
    shown = np.array(last["draws"]).reshape(2, 784)
    assert (shown[:, masks[1]] == 255 * picture[masks[1]]).all()
    assert set(shown.ravel()) == {0, 255}
    assert not last["running"]
    assert finished["iteration"] == last["iteration"] + 4
    assert 0 <= min(finished["acceptance"]) <= max(finished["acceptance"]) <= 1
    assert finished["speed"] > 0
    assert json.dumps(messages["kinds"]).count("error") == 1
