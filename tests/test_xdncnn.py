"""xDnCNN against what plain loops compute, and the reader of its authors' pickles."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate
from skimage import data

from redenoise.measure.apply import denoise
from redenoise.models.denoisers import build, xdncnn
from redenoise.models.pickled import xdncnn_state
from redenoise.support.errors import UserError

SMALL = {"name": "xdncnn", "units": 2, "width": 3, "support": 5}


@pytest.fixture
def network() -> torch.nn.Module:
    """A small network in evaluation mode whose every number has been moved, the running statistics too."""
    torch.manual_seed(1)
    network = build(SMALL).eval()
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor += 0.3 * torch.rand(tensor.shape)
    return network


def published(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The network's state as its authors name it, by hand for two units."""
    unit = [
        ("features.0", "convolution"),
        ("module.0", "gate.0"),
        ("module.2", "gate.2"),
        ("module.3", "gate.3"),
    ]
    renamed = [(f"md1.0.{theirs}", f"layers.0.{ours}") for theirs, ours in unit]
    renamed += [("md2.0", "layers.1")] + [(f"md2.1.{theirs}", f"layers.2.{ours}") for theirs, ours in unit]
    renamed += [("joints", "last")]
    state = {name: tensor for name, tensor in network.state_dict().items() if "num_batches" not in name}
    found = {
        name.replace(ours, theirs): tensor
        for theirs, ours in renamed
        for name, tensor in state.items()
        if name.startswith(f"{ours}.")
    }
    assert len(found) == len(state)
    return found


def test_a_unit_is_its_convolution_times_a_gaussian_of_what_is_around(network: torch.nn.Module):
    noisy = np.random.default_rng(0).uniform(0, 255, (7, 6)).astype(np.float32)
    state = {name: tensor.double().numpy() for name, tensor in network.state_dict().items()}

    def convolved(maps: list[np.ndarray], name: str) -> list[np.ndarray]:
        kernels = state[f"{name}.weight"]
        one_each = kernels.shape[1] == 1 and len(maps) > 1
        groups = [[part] if one_each else maps for part in (maps if one_each else kernels)]
        sums = [
            sum(correlate(m, k, mode="constant") for m, k in zip(group, kernel, strict=True))
            for group, kernel in zip(groups, kernels, strict=True)
        ]
        return [each + bias for each, bias in zip(sums, state[f"{name}.bias"], strict=True)]

    def normalised(maps: list[np.ndarray], name: str) -> list[np.ndarray]:
        rows = zip(
            *(state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")), strict=True
        )
        return [(m - mu) / np.sqrt(var + 1e-5) * w + b for m, (mu, var, w, b) in zip(maps, rows, strict=True)]

    maps = [noisy.astype(np.float64) / 255]
    for place in ("layers.0", "layers.2"):
        maps = convolved(maps if place == "layers.0" else normalised(maps, "layers.1"), f"{place}.convolution")
        gate = [np.maximum(m, 0) for m in normalised(maps, f"{place}.gate.0")]
        gate = normalised(convolved(gate, f"{place}.gate.2"), f"{place}.gate.3")
        maps = [m * np.exp(-(g**2)) for m, g in zip(maps, gate, strict=True)]
    expected = noisy - 255 * convolved(maps, "last")[0]
    assert np.abs(denoise(network, noisy, 25.0) - expected).max() < 1e-2


def test_reader(tmp_path: Path, network: torch.nn.Module):
    path = tmp_path / "net.pkl"
    torch.save(published(network), path, _use_new_zipfile_serialization=False)
    found = build(SMALL).eval()
    found.load_state_dict(xdncnn_state(path))
    assert all(torch.equal(tensor, found.state_dict()[name]) for name, tensor in network.state_dict().items())


class Hostile:
    """Would run a command if a reader let it."""

    def __reduce__(self):
        return os.system, ("touch hostile",)


@pytest.mark.parametrize(
    "content", [{"joints.bias": torch.tensor([1])}, {"joints.bias": 3}, [1], {"joints.bias": Hostile()}]
)
def test_a_pickle_of_anything_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: object):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "net.pkl"
    torch.save(content, path)
    with pytest.raises(UserError, match=r"net\.pkl: not published weights") as found:
        xdncnn_state(path)
    assert "\n" not in str(found.value) and not (tmp_path / "hostile").exists()


def test_damaged_pickles(tmp_path: Path):
    path = tmp_path / "net.pkl"
    with pytest.raises(UserError, match="not found"):
        xdncnn_state(path)
    path.write_bytes(b"\x80\x02" + bytes(50))
    with pytest.raises(UserError, match=r"net\.pkl: not published weights"):
        xdncnn_state(path)


def test_an_even_support_is_no_neighbourhood():
    with pytest.raises(ValueError, match="expected an odd side"):
        xdncnn.build(support=4)


def test_published_weights_denoise(mirror: Path):
    network = build({"name": "xdncnn"}).eval()
    network.load_state_dict(xdncnn_state(mirror / "xunit/denoising/checkpoints/xdncnn_res_f64k3k9_s25.pkl"))
    clean = data.camera()[200:264, 200:264].astype(np.float32)
    noisy = clean + np.random.default_rng(0).normal(0, 25, clean.shape).astype(np.float32)
    error = np.clip(denoise(network, noisy, 25.0), 0, 255) - clean
    assert 10 * np.log10(255**2 / np.square(error).mean()) == pytest.approx(30.979, abs=0.01)
