"""The live engine in browsers: the chains of the library, exact conditionals, a worker."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Page

from dgm_core.distributions import gaussian
from dgm_core.live import scripts, weights
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


@pytest.fixture(
    scope="module",
    params=["chromium", *(pytest.param(each, marks=pytest.mark.slow) for each in OPENERS)],
)
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


@pytest.fixture(scope="module")
def webgpu_page(webgpu_browser: Browser) -> Iterator[Page]:
    """The same page in Chromium with WebGPU."""
    opened = webgpu_browser.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on(
        "console", lambda line: line.type in ("error", "warning") and problems.append(line.text)
    )
    opened.goto(Path(__file__).as_uri())
    add_engine(opened)
    yield opened
    opened.close()
    assert problems == []


def add_engine(page: Page | Window) -> None:
    page.evaluate(
        """([engine, client]) => {
          const script = document.createElement("script");
          script.textContent = engine + client +
            ";window.engine = {makeModel, Chains, Card, Passes}; window.LiveChains = LiveChains;" +
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


# `way`: "" for the kernels alone, "chosen" for the graphics card, "lost" for a card that is lost
# after half of the iterations, "compared" for both until one is chosen.
SAME_CHAIN = """async ([text, settings, picture, masks, iterations, way]) => {
  const model = engine.makeModel(bytes(text), settings.chains);
  const changes = [];
  const passes = new engine.Passes(model.kernels, (name) => changes.push(name));
  const card = way ? await engine.Card.open(model, true) : null;
  passes.use(card, way !== "compared");
  const computing = [passes.name];
  const chains = new engine.Chains(model, settings);
  const path = {logRatio: [], logU: [], accepted: []};
  for (const [part, mask] of masks.entries()) {
    chains.warmup = part ? 0 : settings.warmup;
    chains.observe(picture, mask);
    for (let i = 0; i < iterations; i += 1) {
      const exact = !chains.warmingUp;
      if (way === "lost" && part === 1 && i === 20) card.device.destroy();
      await chains.stepWith((network) => passes.run(network));
      if (exact) for (const name of Object.keys(path)) path[name].push([...chains[name]]);
    }
  }
  computing.push(passes.name);
  return {...path, x: [...chains.x], mean: [...chains.posteriorMean()], computing, changes,
    acceptance: [...chains.acceptance()]};
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
    found = each_page.evaluate(SAME_CHAIN, same_problem(digits, picture, ""))
    assert found["computing"] == ["WebAssembly"] * 2
    assert_same_chain(found, exact, picture)


@pytest.mark.parametrize(
    ("way", "computing"),
    [("chosen", ["WebGPU"]), ("lost", ["WebGPU", "WebAssembly"]), ("compared", ["WebAssembly"])],
)
def test_a_graphics_card_takes_the_same_decisions_also_when_it_is_lost(
    way: str,
    computing: list[str],
    webgpu_page: Page,
    digits: models.Live,
    picture: np.ndarray,
    exact: mirror.Path,
) -> None:
    found = webgpu_page.evaluate(SAME_CHAIN, same_problem(digits, picture, way))
    if way == "compared":  # either may be faster on this machine
        computing = [*computing, *found["changes"]]
    assert found["computing"] == [computing[0], computing[-1]]
    assert found["changes"] == computing[1:]
    assert_same_chain(found, exact, picture)


@pytest.mark.parametrize("name", models.CONVOLUTIONAL)
def test_a_card_computes_the_networks_as_the_kernels_do(webgpu_page: Page, name: str) -> None:
    content = weights.write(*models.convolutional(name), {})
    largest = """async (text) => {
      const model = engine.makeModel(bytes(text), 3);
      const card = await engine.Card.open(model, true);
      const off = [];
      for (const network of [model.encoder, model.decoder]) {
        const given = Float64Array.from({length: 3 * network.input.positions.length},
          (_, i) => Math.sin(i));
        const found = new Float64Array(3 * network.output.positions.length);
        network.write(given);
        await card.pass(network);
        network.read(found);
        network.run();
        const exact = new Float64Array(found.length);
        network.read(exact);
        off.push([...found.map((value, i) => Math.abs(value - exact[i]))],
          [...exact.map(Math.abs)]);
      }
      return off.map((each) => Math.max(...each));
    }"""
    encoder_off, encoder_size, decoder_off, decoder_size = webgpu_page.evaluate(
        largest, base64_of(content)
    )
    assert encoder_off < 3e-6 < 1e-2 < encoder_size
    assert decoder_off < 3e-6 < 1e-2 < decoder_size


def test_a_card_that_the_processor_imitates_is_not_used_unless_it_is_chosen(
    webgpu_page: Page, digits: models.Live
) -> None:
    opened = """async (text) => {
      const model = engine.makeModel(bytes(text), 2);
      const cards = [await engine.Card.open(model), await engine.Card.open(model, true)];
      return cards.map(Boolean);
    }"""
    assert webgpu_page.evaluate(opened, base64_of(digits.content)) == [False, True]


def same_problem(digits: models.Live, picture: np.ndarray, way: str) -> list[Any]:
    settings = {"chains": CHAINS, "seed": SEED, "sampler": "Metropolis-within-Gibbs"}
    return [
        base64_of(digits.content),
        {**settings, "warmup": WARMUP},
        picture.tolist(),
        [mask.astype(int).tolist() for mask in observed_masks()],
        100 + WARMUP,
        way,
    ]


def assert_same_chain(found: dict[str, Any], exact: mirror.Path, picture: np.ndarray) -> None:
    assert len(exact.accepted) >= 200
    assert np.abs(np.array(found["logRatio"]) - exact.log_ratio.numpy()).max() < 1e-3
    np.testing.assert_allclose(found["logU"], exact.log_u, rtol=0, atol=1e-12)
    assert np.array(found["accepted"], bool).tolist() == exact.accepted.tolist()
    assert 0 < exact.accepted.double().mean() < 1
    assert found["x"] == exact.x.flatten().tolist()
    mean = np.where(observed_masks()[1], picture, exact.mean.numpy().ravel())
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


WORKER = """async ([text, picture, masks, kernels]) => {
  const seen = [];
  let more;
  const next = (kind) => new Promise((resolve) => { more = (m) => m.type === kind && resolve(m) });
  const note = (message) => { seen.push(message); more(message); };
  const live = new LiveChains(
    {weights: bytes(text), chains: 2, seed: 5, warmup: 3, framesPerSecond: 15, kernels},
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


@pytest.mark.parametrize("kernels", ["WebAssembly", "JavaScript"])
def test_the_worker_keeps_to_its_messages(
    each_page: Page | Window, digits: models.Live, picture: np.ndarray, kernels: str
) -> None:
    check_messages(each_page, digits, picture, kernels)


def test_the_worker_keeps_to_its_messages_while_the_card_computes(
    webgpu_page: Page, digits: models.Live, picture: np.ndarray
) -> None:
    check_messages(webgpu_page, digits, picture, "WebGPU")


def check_messages(
    page: Page | Window, digits: models.Live, picture: np.ndarray, kernels: str
) -> None:
    masks = observed_masks()
    mask_bits = [mask.astype(int).tolist() for mask in masks]
    given = [base64_of(digits.content), picture.tolist(), mask_bits, kernels]
    messages = page.evaluate(WORKER, given)
    assert messages["ready"]["kernels"] == kernels
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
