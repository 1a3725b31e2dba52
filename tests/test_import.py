"""`redenoise import`: weights as they are in circulation compute what they did before, or are refused in one line."""

import os
import re
import shutil
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

from redenoise.commands import main as commands
from redenoise.commands.denoise.methods import method
from redenoise.dag import paths
from redenoise.dag.config import load_config
from redenoise.models import denoisers
from redenoise.models.weights import load_network, save_network
from redenoise.support.errors import UserError
from redenoise.support.files import read_json
from redenoise.training.imports import import_family
from stages.released.node import run as index_released

NOISY = torch.rand(1, 1, 20, 24, generator=torch.Generator().manual_seed(0))
SIGMA = torch.tensor([0.1])


class Theirs(nn.Module):
    """A DnCNN as many programs have it: layers in a row under a name of their own, normalisation not merged."""

    def __init__(self, channels: int = 1, bias: bool = False, epsilon: float = 1e-5) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(channels, 8, 3, padding=1, bias=bias), nn.ReLU()]
        for _ in range(3):
            layers += [nn.Conv2d(8, 8, 3, padding=1, bias=bias), nn.BatchNorm2d(8, eps=epsilon), nn.ReLU()]
        self.dncnn = nn.Sequential(*layers, nn.Conv2d(8, channels, 3, padding=1, bias=bias))
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.running_mean), nn.init.uniform_(module.running_var, 0.5, 2)
                nn.init.uniform_(module.weight, 0.5, 2), nn.init.uniform_(module.bias)

    def forward(self, noisy: torch.Tensor) -> torch.Tensor:
        """The noise taken away."""
        return noisy - self.dncnn(noisy)


@pytest.fixture
def theirs(project: Path) -> Theirs:
    """A network of somebody else, in a checkout without weights."""
    torch.manual_seed(0)
    Path("weights").mkdir()
    return Theirs().eval()


def take(file: str, *arguments: object, name: str = "theirs", network: str = "dncnn") -> str:
    """Import a file, for sigma 25 unless told otherwise."""
    levels = () if {"--sigma", "--sigma-range"} & {*map(str, arguments)} else ("--sigma", 25)
    commands.main(["import", file, *map(str, ("--network", network, "--name", name, *levels, *arguments))])
    return f"weights/{name}-{'model' if '--sigma-range' in arguments else 'sigma25'}.safetensors"


def check_same(path: str, expected: torch.Tensor, noisy: torch.Tensor = NOISY) -> None:
    """What was imported computes what was expected."""
    network, _ = load_network(path)
    with torch.inference_mode():
        assert torch.allclose(network(noisy, SIGMA), expected, atol=1e-5)


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


def test_safetensors_of_others_are_in_order_of_their_numbers(theirs: Theirs):
    layers = [nn.Conv2d(1, 4, 3, padding=1), *(nn.Conv2d(4, 4, 3, padding=1) for _ in range(10))]
    row = nn.Sequential(*(each for layer in layers for each in (layer, nn.ReLU())), nn.Conv2d(4, 1, 3, padding=1))
    save_file(row.state_dict(), "x.safetensors")
    with torch.inference_mode():
        check_same(take("x.safetensors"), NOISY - row(NOISY))


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
    assert "| theirs-sigma25 |" in re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", Path("weights/README.md").read_text("utf-8"))
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
    assert re.search(r"^a photograph with noise of sigma 25: PSNR 20.\d\d to 2[3-9]", capsys.readouterr().out, re.M)
    assert load_config().params["families"]["mean"]["sigma_range"] == [0, 55]


def changed(state: dict[str, torch.Tensor], name: str, tensor: torch.Tensor) -> dict[str, torch.Tensor]:
    """A state dict with one other tensor."""
    return {**state, name: tensor}


class Loud:
    """What runs code when it is unpickled."""

    def __reduce__(self) -> tuple:
        """Would make a folder."""
        return os.mkdir, ("executed",)


REFUSED = {
    "absent": (None, (), "x.pth: not found"),
    "text": (lambda state: "text", (), "x.pth: holds a str, expected a state dict"),
    "empty": (lambda state: {}, (), "x.pth: it is empty; expected a state dict"),
    "mixed": (lambda state: {**state, "epoch": 3}, (), "x.pth: 'epoch' is a int; expected a state dict"),
    "whole network": (lambda state: Theirs(), (), r"x.pth: holds the class tests.test_import.Theirs, whose code"),
    "code": (lambda state: Loud(), (), "x.pth: holds .*, whose code it would run; save the state dict alone"),
    "integers": (
        lambda state: changed(state, "dncnn.0.weight", torch.ones(8, 1, 3, 3, dtype=torch.int8)),
        (),
        "'dncnn.0.weight' is of torch.int8, expected floating point",
    ),
    "no numbers": (
        lambda state: changed(state, "dncnn.2.weight", torch.full((8, 8, 3, 3), torch.nan)),
        (),
        "'dncnn.2.weight' has values that are infinite or no numbers",
    ),
    "other size": (
        lambda state: changed(state, "dncnn.2.weight", torch.ones(8, 8, 5, 5)),
        (),
        r"'dncnn.2.weight' is \(8, 8, 5, 5\), expected \(8, 8, 3, 3\), as layers.2.weight of dncnn with channels 1",
    ),
    "no convolution": (
        lambda state: changed(state, "dncnn.9.slope", torch.ones(8)),
        (),
        "'dncnn.9.slope' is of no convolution and no normalisation",
    ),
    "normalisation": (
        lambda state: changed(state, "dncnn.3.running_mean", torch.ones(9)),
        (),
        "'dncnn.3.running_mean' has 9 values, expected 8, one a channel of 'dncnn.2'",
    ),
    "other network": (lambda state: state, ("--network", "ffdnet"), "'dncnn.11' gives 1 channels, expected 4 or 12"),
    "noise predicted": (
        lambda state: {f"intermediate_{name}": tensor for name, tensor in state.items()},
        ("--network", "ffdnet"),
        "FFDNet of IPOL, which predicts the noise",
    ),
    "by name": (
        lambda state: state,
        ("--network", "tnrd"),
        "'dncnn.0.weight' belongs nowhere in tnrd with channels 1; name another --network",
    ),
    "missing": (
        lambda state: {"coefficients": torch.zeros(5, 48, 48)},
        ("--network", "tnrd"),
        "nothing for 'log_steps' of tnrd",
    ),
    "option": (lambda state: state, ("--option", "depht=3"), "dncnn has no such option; .*did you mean 'depth'"),
    "form": (lambda state: state, ("--option", "depth"), "'depth': expected NAME=VALUE"),
    "value": (lambda state: state, ("--network", "tnrd", "--option", "channels=3"), "tnrd: channels 3 and side 7"),
    "bounds": (lambda state: state, ("--option", "depth=1000000000"), "'depth': 1000000000 is greater than"),
    "network": (lambda state: state, ("--network", "dncn"), "--network 'dncn' is not known; .*did you mean 'dncnn'"),
    "name": (lambda state: state, ("--name", "Their DnCNN"), "expected lower-case letters"),
    "filter": (lambda state: state, ("--name", "bm3d"), "'bm3d' is that of a filter"),
    "family": (lambda state: state, ("--name", "dncnn_s"), "'dncnn_s' is a family of params.yaml with another network"),
    "data": (lambda state: state, ("--data", "kodak"), "--data 'kodak': no training set of params.yaml; .*train400"),
    "level": (lambda state: state, ("--sigma", 256), "expected whole levels from 0 to 255"),
    "order": (lambda state: state, ("--sigma-range", 55, 0), r"sigma_range' is \[55, 0\]; give the lower level first"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_change_nothing(theirs: Theirs, name: str):
    make, arguments, words = REFUSED[name]
    if make is not None:
        torch.save(make(theirs.state_dict()), "x.pth")
    before = Path("params.yaml").read_bytes()
    with pytest.raises(UserError, match=words):
        take("x.pth", *arguments)
    assert Path("params.yaml").read_bytes() == before
    assert not list(Path("weights").iterdir()) and not Path("executed").exists()


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("x.pth", "x.pth: holds more than tensors, or none at all; save the state dict alone"),
        ("x.safetensors", "damaged, or not a safetensors file"),
        ("x.mat", "not a MatConvNet network in a MATLAB 7.3 file .*; get the file again, or name its --network"),
        ("x.caffemodel", "`redenoise convert` reads it"),
        ("x.zip", "expected a name that ends in .safetensors, .mat, .pth"),
    ],
)
def test_files_that_are_none_are_one_line(theirs: Theirs, file: str, words: str):
    Path(file).write_bytes(b"no weights at all")
    with pytest.raises(UserError, match=words):
        take(file)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            '{"network": {"name": "multiscale", "divisor": 0}}',
            "x.safetensors: 'divisor': 0 is less than the",
        ),
        ('{"network": {"name": "dncnn", "depth": 1000000000}}', "x.safetensors: 'depth': 1000000000 is greater than"),
        ('{"network": ' + "[" * 100_000, "x.safetensors: damaged"),
        ("[]", "x.safetensors: damaged"),
        ('{"network": {"name": "dncnn", "depth": 2}}', "x.safetensors: weights do not fit the network"),
    ],
)
def test_files_of_this_project_with_other_contents_are_one_line(theirs: Theirs, spec: str, words: str):
    save_file(theirs.state_dict(), "x.safetensors", {"redenoise": spec})
    with pytest.raises(UserError, match=words):
        take("x.safetensors")


def test_matlab_files_are_read_for_some_networks_only(theirs: Theirs):
    Path("x.mat").write_bytes(b"")
    with pytest.raises(UserError, match="MATLAB files are read for dncnn, .*, not for multiscale; save it as"):
        take("x.mat", network="multiscale")


def test_a_level_is_taken_once_and_what_is_there_is_not_replaced(theirs: Theirs):
    torch.save(theirs.state_dict(), "x.pth")
    path = Path(take("x.pth"))
    before = path.read_bytes(), Path("params.yaml").read_bytes()
    with pytest.raises(UserError, match="the family has weights for sigma25; choose another name"):
        take("x.pth")
    with pytest.raises(UserError, match="the family has weights for sigma25"):
        take("x.pth", "--sigma-range", 0, 55)
    shutil.copy(path, "weights/other-sigma25.safetensors")
    with pytest.raises(UserError, match="weights/other-sigma25.safetensors: there already"):
        take("x.pth", name="other")
    assert (path.read_bytes(), Path("params.yaml").read_bytes()) == before


def no_room(found: list) -> str:
    """In place of what writes a file."""
    raise OSError("no room")


def test_what_was_imported_is_taken_back_unless_something_uses_it(theirs: Theirs, monkeypatch: pytest.MonkeyPatch):
    torch.save(theirs.state_dict(), "x.pth")
    before = Path("params.yaml").read_text()
    for sigma in (25, 50):
        take("x.pth", "--sigma", sigma)
    take("x.pth", name="other")
    imported = Path("params.yaml").read_text()
    line = "  set12-theirs: {dataset: set12, family: theirs, trained_on: train400, method: theirs, sigmas: [25]}\n"
    Path("params.yaml").write_text(imported.replace("\nevaluations:\n", f"\nevaluations:\n{line}"))
    with pytest.raises(UserError, match="--remove 'theirs': evaluations.set12-theirs of params.yaml use it; take"):
        commands.main(["import", "--remove", "theirs"])
    Path("params.yaml").write_text(imported)
    files = {path: path.read_bytes() for path in Path("weights").iterdir()}
    with monkeypatch.context() as patch, pytest.raises(OSError, match="no room"):
        patch.setattr("redenoise.commands.importing.removal.readme", no_room)
        commands.main(["import", "--remove", "theirs"])
    assert {path: path.read_bytes() for path in Path("weights").iterdir()} == files
    assert Path("params.yaml").read_text() == imported
    commands.main(["import", "--remove", "theirs"])
    assert "theirs" not in load_config().params["families"] and "other" in load_config().params["families"]
    assert {path.name for path in Path("weights").iterdir()} == {
        *("other-sigma25.safetensors", "other-sigma25.json", "README.md")
    }
    assert "theirs" not in Path("weights/README.md").read_text()
    commands.main(["import", "--remove", "other"])
    assert Path("params.yaml").read_text() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--remove", "proposed"), "--remove 'proposed': no family of that name was imported"),
        (("--remove", "theirs", "x.pth"), "--remove stands alone, without FILE"),
        (("--network", "dncnn", "--name", "theirs", "--sigma", "25"), "redenoise import: no FILE; give it"),
        (("x.pth", "--network", "dncnn", "--name", "theirs"), "redenoise import: no --sigma or --sigma-range; give it"),
    ],
)
def test_a_command_without_what_it_needs_is_one_line(theirs: Theirs, arguments: tuple[str, ...], words: str):
    with pytest.raises(UserError, match=words):
        commands.main(["import", *arguments])


def test_a_failure_in_the_middle_is_undone(theirs: Theirs, monkeypatch: pytest.MonkeyPatch):
    torch.save(theirs.state_dict(), "x.pth")
    before = Path("params.yaml").read_bytes()
    monkeypatch.setattr("redenoise.commands.importing.command.readme", no_room)
    with pytest.raises(OSError, match="no room"):
        take("x.pth")
    assert Path("params.yaml").read_bytes() == before and not list(Path("weights").iterdir())


def test_the_card_names_the_file(theirs: Theirs):
    torch.save(theirs.state_dict(), "x.pth")
    card = read_json(Path(take("x.pth")).with_suffix(".json"))
    assert card["source"]["file"] == "x.pth" and card["sigma_range"] == [25, 25] and card["steps"] == 0
