"""`redenoise import`: weights as they are in circulation compute what they did before, or are refused in one line."""

import re
from collections import OrderedDict
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scipy.io import savemat
from torch import nn

from redenoise.commands.denoise.methods import method
from redenoise.commands.release import cards, readme
from redenoise.dag import paths
from redenoise.dag.config import load_config
from redenoise.models import denoisers
from redenoise.models.weights import load_network, save_network
from redenoise.support.errors import UserError
from redenoise.training.imports import import_family
from stages.released.node import run as index_released
from tests.import_project import NOISY, SIGMA, Theirs, check_same, take

WRAPPED = {
    "plain": lambda state: state,
    "data parallel": lambda state: OrderedDict((f"module.{name}", value) for name, value in state.items()),
    "params": lambda state: {"params": state},
    "averaged before plain": lambda state: {"params": {"wrong": torch.ones(1)}, "params_ema": state},
    "lightning": lambda state: {"epoch": 3, "state_dict": state, "optimizer": {"lr": 0.1}},
    "twice": lambda state: {"model": {"state_dict": state}},
}


@pytest.mark.parametrize("name", WRAPPED)
def test_state_dicts_with_normalisation_compute_the_same(theirs: Theirs, name: str):
    torch.save(WRAPPED[name](theirs.state_dict()), "x.pth")
    path = take("x.pth")
    check_same(path, theirs(NOISY).detach())
    assert load_network(path)[1] == {"name": "dncnn", "channels": 1, "depth": 5, "width": 8, "batch_norm": False}


def test_colour_half_precision_and_biases(theirs: Theirs):
    theirs, noisy = Theirs(3, bias=True).eval(), torch.rand(1, 3, 20, 24)
    torch.save(theirs.half().state_dict(), "x.ckpt")
    check_same(take("x.ckpt"), theirs.float()(noisy).detach(), noisy)
    assert load_config().params["families"]["theirs"]["data"] == "cbsd432"


def test_another_epsilon_of_the_normalisation(theirs: Theirs):
    theirs = Theirs(epsilon=0.1).eval()
    torch.save(theirs.state_dict(), "x.pt")
    check_same(take("x.pt", "--eps", 0.1), theirs(NOISY).detach())


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_names_that_are_sorted_are_taken_in_order_of_their_numbers(theirs: Theirs, suffix: str):
    layers = [nn.Conv2d(1, 4, 3, padding=1), *(nn.Conv2d(4, 4, 3, padding=1) for _ in range(10))]
    row = nn.Sequential(*(each for layer in layers for each in (layer, nn.ReLU())), nn.Conv2d(4, 1, 3, padding=1))
    state = {name: row.state_dict()[name] for name in sorted(row.state_dict())}
    (save_file if suffix == "safetensors" else torch.save)(state, f"x.{suffix}")
    with torch.inference_mode():
        check_same(take(f"x.{suffix}"), NOISY - row(NOISY))


@pytest.mark.parametrize(
    "spec",
    [
        {"name": "multiscale", "channels": 1, "scales": 2, "divisor": 16, "skip": False},
        {"name": "ffdnet", "channels": 1, "depth": 4, "width": 8},
        {"name": "tnrd", "channels": 1, "stages": 2, "side": 3},
    ],
    ids=lambda spec: spec["name"],
)
@pytest.mark.parametrize("foreign", [True, False], ids=["state dict", "file of this project"])
def test_every_network_by_its_own_names(project: Path, spec: dict[str, Any], foreign: bool):
    network = denoisers.build(spec).eval()
    options = [f"--option={key}={str(value).lower()}" for key, value in spec.items() if key not in ("name", "depth")]
    if foreign:
        torch.save(OrderedDict((f"module.net.{key}", value) for key, value in network.state_dict().items()), "x.pth")
    else:
        save_network("x.safetensors", network, spec, "a test")
    with torch.inference_mode():
        path = take("x.pth" if foreign else "x.safetensors", *(options if foreign else []), network=spec["name"])
        check_same(path, network(NOISY, SIGMA))


def matconvnet(path: str, network: nn.Module, merged: bool = True) -> None:
    """A network's convolutions as a MATLAB 7.3 file, and a normalisation behind each if it is not merged."""
    with h5py.File(path, "w") as file:
        references = []
        for number, layer in enumerate(each for each in network.layers if isinstance(each, nn.Conv2d)):
            cell = file.create_group(f"#refs#/{number}")
            cell["type"] = np.array([list(map(ord, "conv"))], np.uint16)
            cell["w"], cell["b"] = layer.weight.detach().numpy().transpose(0, 1, 3, 2), layer.bias.detach().numpy()
            cell["weights"] = np.array([cell["w"].ref, cell["b"].ref], h5py.ref_dtype)
            references.append(cell.ref)
            if not merged:
                other = file.create_group(f"#refs#/normalisation{number}")
                other["type"] = np.array([list(map(ord, "bnorm"))], np.uint16)
                references.append(other.ref)
        file["net/layers"] = np.array(references, h5py.ref_dtype)


def test_matlab_files(project: Path):
    network = denoisers.build({"name": "dncnn", "depth": 4, "width": 8, "batch_norm": False}).eval()
    matconvnet("x.mat", network)
    with torch.inference_mode():
        check_same(take("x.mat"), network(NOISY, SIGMA))
    matconvnet("x.mat", network, merged=False)
    with pytest.raises(UserError, match="x.mat: normalisation that is not merged; merge it with"):
        take("x.mat", name="other")
    shapes = {"w1": (6, 82), "w2": (6, 7), "w3": (25, 7)}
    savemat("y.mat", {name: np.random.default_rng(0).normal(0, 0.1, shape) for name, shape in shapes.items()})
    options = [f"--option={name}" for name in ("depth=2", "width=6", "side=9", "inner=5")]
    assert load_network(take("y.mat", *options, network="mlp", name="m"))[1]["width"] == 6


def test_an_imported_family_is_like_any_other(theirs: Theirs, capsys: pytest.CaptureFixture[str]):
    before = Path("params.yaml").read_text("utf-8")
    for sigma in (50, 25):
        torch.save(theirs.state_dict(), "x.pth")
        take("x.pth", "--sigma", sigma)
    said = capsys.readouterr().out
    after = Path("params.yaml").read_text("utf-8").splitlines()
    assert [line for line in after if not line.startswith("  theirs: ")] == before.splitlines()
    config = load_config("bench")
    entry = config.entry("train", "theirs")
    assert entry["sigmas"] == [25, 50] and entry["weights"] == "released" and config.keys("train")[-1] == "theirs"
    assert method(config, "theirs").levels == "sigma 25, 50"
    index_released(config)
    Path("made").mkdir()
    origins = import_family("theirs", entry, paths.data("bench", paths.RELEASED), Path("made"))
    assert origins["sigma25"]["origin"] == "weights of others, x.pth"
    check_same("made/sigma50.safetensors", theirs(NOISY).detach())
    assert not Path("weights/README.md").exists() and "theirs" not in readme(cards())  # they are not released here
    # The lines to measure it are those that params.yaml takes.
    line = re.findall(r"^  set12-theirs: .*$", said, re.MULTILINE)[-1]
    Path("params.yaml").write_text("\n".join(after).replace("\nevaluations:\n", f"\nevaluations:\n{line}\n") + "\n")
    assert load_config().entry("evaluate", "set12-theirs")["sigmas"] == [25, 50]


def test_a_photograph_shows_whether_it_denoises(theirs: Theirs, capsys: pytest.CaptureFixture[str]):
    torch.save(theirs.state_dict(), "x.pth")  # random weights
    take("x.pth")
    assert re.search(r"^warning: a photograph with noise of sigma 25: PSNR 20.\d\d to ", capsys.readouterr().out, re.M)
    smoothing = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1, bias=False), nn.ReLU(), nn.Conv2d(1, 1, 1, bias=False))
    smoothing[0].weight.data.fill_(1 / 9)
    smoothing[2] = nn.Conv2d(1, 1, 3, padding=1, bias=False)
    smoothing[2].weight.data.zero_()[0, 0, 1, 1] = 1
    torch.save(smoothing.state_dict(), "y.pth")
    take("y.pth", "--option", "residual=false", "--sigma-range", 0, 55, name="mean")
    found = r"a photograph with noise of sigma 25: PSNR 20.\d\d to 2[34].\d\d dB"
    assert re.search(rf"^warning: {found}; DnCNN gains .* its level or an option", capsys.readouterr().out, re.M)
    assert load_config().params["families"]["mean"]["sigma_range"] == [0, 55]
    take("y.pth", "--option", "residual=false", "--sigma", 50, name="strong")
    assert re.search(r"^a photograph with noise of sigma 50: PSNR 14.\d\d to 2", capsys.readouterr().out, re.M)
