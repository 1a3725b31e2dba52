"""TNRD, CSF and MLP against what plain loops compute, and their readers of the authors' files."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat
from scipy.ndimage import correlate
from skimage import data

from redenoise.measure.apply import denoise
from redenoise.models import matlab
from redenoise.models.denoisers import build, csf, mlp, tnrd
from redenoise.support.errors import UserError

SMALL = {
    "tnrd": {"name": "tnrd", "stages": 2, "side": 3},
    "csf": {"name": "csf", "stages": 2, "side": 3},
    "mlp": {"name": "mlp", "depth": 1, "width": 20, "side": 9, "inner": 5},
}


@pytest.fixture
def noisy() -> np.ndarray:
    """A ramp with noise, (14, 17), on the [0, 255] scale."""
    generator = np.random.default_rng(0)
    ramp = np.add.outer(np.arange(14.0) * 6, np.arange(17.0) * 4) + 30
    return (ramp + generator.normal(0, 25, ramp.shape)).astype(np.float32)


def scrambled(name: str) -> torch.nn.Module:
    """A small network whose every parameter has been moved, so that nothing is equal or zero by luck."""
    torch.manual_seed(1)
    network = build(SMALL[name]).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.05 * torch.randn(parameter.shape)
    return network


def function(weights: np.ndarray, means: np.ndarray, value: float, spacing: float = 10.0) -> float:
    """A sum of Gaussians at one value."""
    return float((weights * np.exp(-0.5 * ((value - means) / spacing) ** 2)).sum())


def test_tnrd_is_the_diffusion_of_the_paper(noisy: np.ndarray):
    network = scrambled("tnrd")
    state = {name: tensor.double().numpy() for name, tensor in network.state_dict().items()}
    means = 10.0 * (np.arange(63) - 31)
    waves = [[math.cos(math.pi * (x + 0.5) * f / 3) * math.sqrt((f > 0) + 1) for x in range(3)] for f in range(3)]
    basis = [np.outer(waves[i], waves[j]) for j in range(3) for i in range(3)][1:]
    image = noisy.astype(np.float64)
    for stage in range(2):
        extended, start = (np.pad(each, 4, mode="symmetric") for each in (image, noisy.astype(np.float64)))
        change = np.exp(state["log_steps"][stage]) * (extended - start)
        for number in range(8):
            kernel = sum(c * b for c, b in zip(state["coefficients"][stage, number], basis, strict=True))
            kernel = kernel / np.linalg.norm(kernel)
            response = correlate(extended, kernel, mode="reflect")
            weights = state["weights"][stage, number]
            influence = np.vectorize(lambda v, w=weights: function(w, means, v))(response)
            change += correlate(influence, kernel[::-1, ::-1], mode="reflect")
        image = (extended - change)[4:-4, 4:-4]
    expected = np.clip(image, 0, 255)
    assert np.abs(denoise(network, noisy, 25.0) - expected).max() < 0.05  # of the table's steps


def test_csf_solves_the_equation_of_the_paper(noisy: np.ndarray):
    network = scrambled("csf")
    state = {name: tensor.double().numpy() for name, tensor in network.state_dict().items()}
    means = np.arange(-260.0, 261.0, 10.0)
    image = noisy.astype(np.float64)
    for stage in range(2):
        start, extended = (np.pad(each.astype(np.float64), 10, mode="edge") for each in (noisy, image))
        above = state["strengths"][stage] * start
        below = np.full(start.shape, state["strengths"][stage])
        for kernel, weights in zip(state["filters"][stage], state["weights"][stage], strict=True):
            response = correlate(extended, kernel[::-1, ::-1], mode="wrap")
            shrunk = np.vectorize(lambda v, w=weights: function(w, means, v))(response)
            above += correlate(shrunk, kernel, mode="wrap")
            impulse = np.zeros(start.shape)
            impulse[:3, :3] = kernel
            below += np.abs(np.fft.fft2(impulse)) ** 2
        image = np.fft.ifft2(np.fft.fft2(above) / below).real[10:-10, 10:-10]
    assert np.abs(denoise(network, noisy, 25.0) - image).max() < 0.05


def test_mlp_averages_its_patches(noisy: np.ndarray):
    network = scrambled("mlp")
    extended = np.pad((noisy / 255.0 - 0.5) / 0.2, 2, mode="reflect")
    waves = np.exp(-0.5 * ((np.arange(5) - 2) / 1.0) ** 2)  # of deviation floor(5 / 2) / 2, around the third
    window = np.outer(waves, waves)
    total, weight = np.zeros(noisy.shape), np.zeros(noisy.shape)
    for top in (0, 3, 6, 9):
        for left in (0, 3, 6, 9, 12):
            patch = torch.from_numpy(extended[top : top + 9, left : left + 9].astype(np.float32).flatten())
            with torch.no_grad():
                values = network.layers(patch).numpy().reshape(5, 5)
            total[top : top + 5, left : left + 5] += window * values
            weight[top : top + 5, left : left + 5] += window
    expected = (total / weight * 0.2 + 0.5) * 255.0
    assert np.abs(denoise(network, noisy, 25.0) - expected).max() < 1e-2


@pytest.mark.parametrize("name", ["tnrd", "csf"])
@pytest.mark.parametrize("size", [(1, 1), (5, 2), (9, 30)])
def test_any_size(name: str, size: tuple[int, int]):
    image = np.random.default_rng(2).uniform(0, 255, size).astype(np.float32)
    found = denoise(build(SMALL[name]).eval(), image, 25.0)
    assert found.shape == size and np.isfinite(found).all()


@pytest.mark.parametrize("name", SMALL)
def test_every_parameter_learns(name: str):
    network = scrambled(name).train()
    noisy = torch.rand(2, 1, 16, 16)
    (network(noisy, torch.full((2,), 0.1)) - 0.5).square().mean().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in network.parameters())


@pytest.mark.parametrize(("name", "options"), [("tnrd", {"side": 4}), ("csf", {"channels": 3}), ("mlp", {"inner": 8})])
def test_options_that_make_no_network(name: str, options: dict):
    with pytest.raises(ValueError, match="expected 1"):
        {"tnrd": tnrd, "csf": csf, "mlp": mlp}[name].build(**options)


def test_reader_of_tnrd(tmp_path: Path):
    network = scrambled("tnrd")
    state = network.state_dict()
    parts = (state["coefficients"].flatten(1), state["log_steps"][:, None], state["weights"].flatten(1))
    means = 12.5 * (np.arange(63) - 31)[:, None]
    path = tmp_path / "tnrd.mat"
    savemat(path, {"cof": torch.cat(parts, 1).double().numpy().T, "MFS": {"means": means}})
    found = matlab.tnrd_state(path)
    assert float(found.pop("spacing")) == 12.5
    assert all(torch.equal(tensor, state[name]) for name, tensor in found.items()) and set(found) < set(state)


def test_reader_of_csf(tmp_path: Path):
    state = scrambled("csf").state_dict()
    filters = np.empty((8, 2), dtype=object)
    shrink = np.empty((8, 2), dtype=[("weights", object)])
    for stage in range(2):
        for number in range(8):
            filters[number, stage] = state["filters"][stage, number].double().numpy()
            shrink["weights"][number, stage] = state["weights"][stage, number].double().numpy()[:, None]
    path = tmp_path / "csf.mat"
    savemat(path, {"model": {"lambda": state["strengths"].double().numpy(), "f": filters, "shrink": shrink}})
    found = matlab.csf_state(path)
    assert set(found) == set(state) and all(torch.equal(found[name], state[name]) for name in state)


def test_reader_of_mlp(tmp_path: Path):
    state = scrambled("mlp").state_dict()
    # A patch is a column in MATLAB: pixels down the columns first.
    first = state["layers.0.weight"].view(20, 9, 9).transpose(1, 2).reshape(20, 81)
    last = state["layers.2.weight"].view(5, 5, 20).transpose(0, 1).reshape(25, 20)
    last_bias = state["layers.2.bias"].view(5, 5).T.reshape(25)
    path = tmp_path / "weights_cvpr.mat"
    both = ((first, state["layers.0.bias"]), (last, last_bias))
    matrices = [torch.cat((weight, bias[:, None]), 1).double().numpy() for weight, bias in both]
    savemat(path, dict(zip(("w1", "w2"), matrices, strict=True)))
    found = matlab.mlp_state(path)
    assert all(torch.equal(found[name], state[name]) for name in found) and len(found) == 4


@pytest.mark.parametrize("read", [matlab.tnrd_state, matlab.csf_state, matlab.mlp_state])
def test_damaged_files(tmp_path: Path, read: Callable):
    path = tmp_path / "weights.mat"
    with pytest.raises(UserError, match="not found"):
        read(path)
    path.write_bytes(b"MATLAB 5.0" + bytes(200))
    with pytest.raises(UserError, match=r"weights\.mat: not published weights"):
        read(path)
    savemat(path, {"cof": np.full((73, 2), np.nan), "model": 3.0, "w1": np.array(["a"]), "MFS": {"means": [0.0, 1.0]}})
    with pytest.raises(UserError, match=r"weights\.mat: not published weights"):
        read(path)


TNRD_25 = "GaussianDenoising/JointTraining_7x7_400_180x180_stage=5_sigma=25.mat"


@pytest.mark.parametrize(
    ("name", "path", "psnr"),
    [
        ("tnrd", f"tnrd/TestCodes(denoising-deblocking-SR)/{TNRD_25}", 30.742),
        ("csf", "csf/models/table1/sigma25/csf_7x7.mat", 30.428),
    ],
)
def test_published_weights_denoise(mirror: Path, name: str, path: str, psnr: float):
    network = build({"name": name}).eval()
    network.load_state_dict(matlab.IMPORTERS[name](mirror / path), strict=True)
    clean = data.camera()[200:264, 200:264].astype(np.float32)
    noisy = clean + np.random.default_rng(0).normal(0, 25, clean.shape).astype(np.float32)
    error = np.clip(denoise(network, noisy, 25.0), 0, 255) - clean
    assert 10 * np.log10(255**2 / np.square(error).mean()) == pytest.approx(psnr, abs=0.01)
