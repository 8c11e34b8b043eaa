"""Kernels and networks: WebAssembly and JavaScript give the same bits, and agree with torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from dgm_core.live import scripts, weights
from dgm_core.models.dlvm import fully_connected_dlvm, mirrored_vae
from tests.live.models import CONVOLUTIONAL, convolutional
from tests.live.node import node
from tools.live_kernels import assembled

PASSES = """
const about = readWeights(file("weights")).about;
const [rows, plain] = CASE;
const model = makeModel(file("weights"), rows, plain);
const pass = (network, name, width) => {
  const out = new Float32Array(rows * width);
  network.write(new Float64Array(file(name)));
  network.run();
  network.read(out);
  return [...out];
};
answer = [
  pass(model.encoder, "x", model.posterior.features), pass(model.decoder, "z", model.size)
];
"""


def test_the_kernels_are_built_from_their_source() -> None:
    """To update: python -m tools.live_kernels."""
    built = (scripts.ENGINE / "kernels.wasm").read_bytes()
    assert built == assembled()
    assert len(built) < 4096


def test_silu_agrees_with_torch_to_three_units_in_the_last_place(tmp_path: Path) -> None:
    x = np.concatenate([np.linspace(-100, 100, 100_001), np.zeros(3)]).astype(np.float32)
    script = """
    answer = [false, true].map((plain) => {
      const kernels = makeKernels(500000, plain);
      const x = new Float32Array(kernels.buffer, 16, 100004);
      x.set(new Float32Array(file("x")));
      kernels.silu(16, 100004);
      return [...x];
    });"""
    compiled, plain = node(tmp_path, script, x=x.tobytes())
    assert compiled == plain
    found = np.array(compiled[:-3])
    exact = nn.functional.silu(torch.tensor(x[:-3]).double()).numpy()
    units = np.abs(found - exact) / np.spacing(np.abs(exact).astype(np.float32))
    inside = x[:-3] > -80  # further out, 32 bits have fewer digits
    assert units[inside].max() < 3
    assert np.abs(found[~inside]).max() < 1e-30


@pytest.mark.parametrize("quantised", [False, True], ids=["32 bits", "8 bits"])
@pytest.mark.parametrize("name", CONVOLUTIONAL)
@pytest.mark.parametrize("rows", [1, 3, 8])
def test_networks_agree_with_torch_and_both_kinds_of_kernels(
    name: str, rows: int, quantised: bool, tmp_path: Path
) -> None:
    model, shape = convolutional(name)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        x, z = torch.rand(rows, *shape).double(), torch.randn(rows, model.latent_dim).double()
    content = weights.write(model, shape, {}, quantised=quantised)
    model.load_state_dict(weights.tensors(content))
    files = {"weights": content, "x": x.numpy().tobytes(), "z": z.numpy().tobytes()}
    cases = [PASSES.replace("CASE", f"[{rows}, {plain}]") for plain in ("false", "true")]
    compiled, plain = (node(tmp_path, case, **files) for case in cases)
    assert compiled == plain
    with torch.no_grad():
        exact = model.double().encoder(x), model.decoder(z)
    for found, expected in zip(compiled, exact, strict=True):
        assert np.abs(np.array(found) - expected.numpy().ravel()).max() < 3e-6


def test_linear_layers_keep_the_8_bits_of_their_weights_in_the_memory_of_the_kernels(
    tmp_path: Path,
) -> None:
    content = weights.packed("mnist-dlvm")
    script = 'answer = makeModel(file("weights"), 8).kernels.buffer.byteLength;'
    assert node(tmp_path, script, weights=content) < 2 * len(content)


def test_a_model_that_the_engine_cannot_run_is_refused_by_name() -> None:
    with pytest.raises(weights.NotLive, match="Dropout"):
        weights.write(fully_connected_dlvm(3, 8), weights.IMAGE, {})
    with pytest.raises(weights.NotLive, match="ELU"):
        weights.write(mirrored_vae(3, (8,)), weights.IMAGE, {})
    with pytest.raises(weights.NotLive, match="mnist-wgan is a WGAN"):
        weights.packed("mnist-wgan")
