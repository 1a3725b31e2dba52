"""Networks: shapes, counts, folding, importers, safe loading."""

import re
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from redenoise.measure.apply import denoise
from redenoise.models import denoisers
from redenoise.models.denoisers.dncnn import DnCNN
from redenoise.models.denoisers.ffdnet import FFDNet
from redenoise.models.matconvnet import IMPORTERS, dncnn_state, ffdnet_state, read_convolutions
from redenoise.models.weights import load_network, save_network
from redenoise.support.errors import UserError


def count(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_parameter_counts_follow_from_the_published_layers():
    assert count(DnCNN(1, 17, 64, batch_norm=False)) == 640 + 15 * (64 * 64 * 9 + 64) + 577
    assert count(DnCNN(3, 20, 64, batch_norm=False)) == 1792 + 18 * (64 * 64 * 9 + 64) + 1731
    assert count(FFDNet(3, 12, 96)) == 13 * 96 * 9 + 96 + 10 * (96 * 96 * 9 + 96) + 96 * 12 * 9 + 12


@pytest.mark.parametrize("size", [(16, 16), (17, 16), (16, 17), (31, 33)])
@pytest.mark.parametrize("network", [DnCNN(3, 4, 8), FFDNet(3, 4, 8)])
def test_output_has_the_size_of_the_input(network, size):
    noisy = torch.rand(2, 3, *size)
    assert network(noisy, torch.full((2,), 0.1)).shape == noisy.shape


def test_residual_network_that_predicts_nothing_returns_its_input():
    network = DnCNN(1, 3, 4)
    torch.nn.init.zeros_(network.layers[-1].weight)
    torch.nn.init.zeros_(network.layers[-1].bias)
    noisy = torch.rand(1, 1, 9, 9)
    assert torch.equal(network(noisy), noisy)


def test_direct_network_returns_what_its_layers_give():
    network = DnCNN(1, 3, 4, residual=False)
    noisy = torch.rand(1, 1, 9, 9)
    assert torch.equal(network(noisy), network.layers(noisy))


def test_folding_batch_norm_keeps_the_function():
    torch.manual_seed(0)
    network = DnCNN(1, 5, 8)
    for _ in range(3):  # gives the running statistics values of their own
        network(torch.rand(4, 1, 16, 16))
    folded = network.folded()
    noisy = torch.rand(1, 1, 16, 16)
    assert not any(isinstance(layer, torch.nn.BatchNorm2d) for layer in folded.layers)
    assert torch.allclose(folded(noisy), network.eval()(noisy), atol=1e-5)


def test_ffdnet_heeds_sigma():
    network = FFDNet(1, 4, 8)
    noisy = torch.rand(1, 1, 16, 16)
    assert not torch.equal(network(noisy, torch.tensor([0.1])), network(noisy, torch.tensor([0.3])))


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (lambda image: None, "NoneType"),
        (lambda image: image[..., 1:], "torch.float32 (1, 1, 9, 11)"),
        (lambda image: image[0], "torch.float32 (1, 9, 12)"),
        (lambda image: image.half(), "torch.float16 (1, 1, 9, 12)"),
    ],
    ids=["nothing", "size", "no batch", "type"],
)
def test_network_that_breaks_the_contract_is_one_line(spoil, found):
    class New(torch.nn.Module):
        def forward(self, noisy: torch.Tensor, sigma: torch.Tensor) -> object:
            return spoil(noisy)

    expected = "expected torch.float32 (1, 1, 9, 12), (N, C, H, W) as its input"
    with pytest.raises(UserError, match=re.escape(f"{New.__module__}: forward returned {found}, {expected}")):
        denoise(New(), np.zeros((9, 12), np.float32), 25)


def test_unknown_network_and_option_are_refused():
    with pytest.raises(UserError, match="'dncn' is not known"):
        denoisers.build({"name": "dncn"})
    with pytest.raises(UserError, match="heads"):
        denoisers.build({"name": "dncnn", "heads": 3})


def test_weights_survive_a_round_trip(tmp_path: Path):
    spec = {"name": "dncnn", "channels": 1, "depth": 4, "width": 8, "batch_norm": False}
    network = denoisers.build(spec).eval()
    save_network(tmp_path / "a.safetensors", network, spec, origin="test")
    loaded, loaded_spec = load_network(tmp_path / "a.safetensors")
    noisy = torch.rand(1, 1, 12, 12)
    assert loaded_spec == spec
    assert torch.equal(loaded(noisy), network(noisy))


@pytest.mark.parametrize(("precision", "size", "off"), [("float32", 4, 0.0), ("float16", 2, 2.0**-11)])
def test_weights_of_less_precision_are_near_and_smaller(tmp_path: Path, precision: str, size: int, off: float):
    spec = {"name": "dncnn", "channels": 3, "depth": 6, "width": 32, "batch_norm": False}
    network, path = denoisers.build(spec), tmp_path / "a.safetensors"
    save_network(path, network, spec, "test", precision)
    weights = sum(value.numel() for value in network.parameters() if value.ndim > 1)
    assert path.stat().st_size < weights * size + 6000
    for (name, there), here in zip(load_network(path)[0].named_parameters(), network.parameters(), strict=True):
        largest = here.abs().amax(dim=tuple(range(1, here.ndim)), keepdim=True) if here.ndim > 1 else here
        assert there.dtype == torch.float32
        bound = off * largest.abs() * (1 + 1e-5) if here.ndim > 1 else torch.zeros_like(here)
        assert torch.all((there - here).abs() <= bound), name


@pytest.mark.parametrize("damage", [lambda data: data[:50], lambda data: b"\0" * len(data), lambda data: b""])
def test_damaged_weights_are_refused_by_name(tmp_path: Path, damage):
    spec = {"name": "dncnn", "channels": 1, "depth": 3, "width": 4, "batch_norm": False}
    path = tmp_path / "a.safetensors"
    save_network(path, denoisers.build(spec), spec, origin="test")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UserError, match="a.safetensors"):
        load_network(path)


def write_mat(path: Path, shapes: list[tuple[int, ...]]) -> list[np.ndarray]:
    """A MatConvNet file as MATLAB writes it, with `shapes` (out, in, width, height), a ReLU after each convolution."""
    draw = np.random.default_rng(0)
    weights = [draw.standard_normal(shape).astype(np.float32) for shape in shapes]
    with h5py.File(path, "w") as file:
        cells = []
        for index, weight in enumerate(weights):
            for kind in ("conv", "relu"):
                layer = file.create_group(f"#refs#/{kind}{index}")
                layer["type"] = np.array([[ord(letter)] for letter in kind], dtype=np.uint16)
                if kind == "conv":
                    parts = [
                        file.create_dataset(f"#refs#/w{index}", data=weight),
                        file.create_dataset(f"#refs#/b{index}", data=np.zeros((1, len(weight)), np.float32)),
                    ]
                    layer.create_dataset("weights", data=[[part.ref] for part in parts], dtype=h5py.ref_dtype)
                cells.append([layer.ref])
        file.create_dataset("net/layers", data=cells, dtype=h5py.ref_dtype)
    return weights


def test_importer_turns_matlab_axes(tmp_path: Path):
    weights = write_mat(tmp_path / "net.mat", [(4, 1, 3, 3), (1, 4, 3, 3)])
    state = dncnn_state(tmp_path / "net.mat")
    assert np.array_equal(state["layers.0.weight"].numpy(), weights[0].transpose(0, 1, 3, 2))
    denoisers.build({"name": "dncnn", "channels": 1, "depth": 2, "width": 4, "batch_norm": False}).load_state_dict(
        state
    )


def test_importer_reorders_the_sub_images_of_ffdnet(tmp_path: Path):
    weights = write_mat(tmp_path / "net.mat", [(8, 5, 3, 3), (4, 8, 3, 3)])
    state = ffdnet_state(tmp_path / "net.mat")
    turned = weights[0].transpose(0, 1, 3, 2)
    assert np.array_equal(state["layers.0.weight"].numpy(), turned[:, [0, 2, 1, 3, 4]])
    assert np.array_equal(state["layers.2.weight"].numpy(), weights[1].transpose(0, 1, 3, 2)[[0, 2, 1, 3]])


@pytest.mark.parametrize("content", [b"not hdf5", b""])
def test_importer_refuses_other_files(tmp_path: Path, content: bytes):
    (tmp_path / "net.mat").write_bytes(content)
    with pytest.raises(UserError, match="net.mat.*not a MatConvNet network"):
        read_convolutions(tmp_path / "net.mat")


def test_importer_refuses_hdf5_without_a_network(tmp_path: Path):
    with h5py.File(tmp_path / "net.mat", "w") as file:
        file["something"] = 1
    with pytest.raises(UserError, match="not a MatConvNet network"):
        read_convolutions(tmp_path / "net.mat")


@pytest.mark.parametrize(
    ("path", "spec"),
    [
        ("dncnn/model/specifics/sigma=25.mat", {"name": "dncnn", "channels": 1, "depth": 17, "width": 64}),
        ("dncnn/model/DnCNN3.mat", {"name": "dncnn", "channels": 1, "depth": 20, "width": 64}),
        ("dncnn/model/GD_Color_Blind.mat", {"name": "dncnn", "channels": 3, "depth": 20, "width": 64}),
        ("ffdnet/models/FFDNet_color.mat", {"name": "ffdnet", "channels": 3, "depth": 12, "width": 96}),
        ("ffdnet/models/FFDNet_gray.mat", {"name": "ffdnet", "channels": 1, "depth": 15, "width": 64}),
    ],
)
def test_published_weights_denoise(mirror: Path, path: str, spec: dict):
    """A wrong axis, order or sign in the import would leave more noise than it removes."""
    network = denoisers.build({**spec, "batch_norm": False} if spec["name"] == "dncnn" else spec).eval()
    network.load_state_dict(IMPORTERS[spec["name"]](mirror / path))
    rows = torch.linspace(0.2, 0.8, 64)
    clean = (rows[:, None] + rows[None, :]).div(2).expand(1, spec["channels"], 64, 64)
    noisy = clean + 25 / 255 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        error = (network(noisy, torch.tensor([25 / 255])) - clean).pow(2).mean().sqrt()
    assert error < 0.2 * 25 / 255
