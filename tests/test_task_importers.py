"""From files of Caffe to the networks of this project: the importers and the conversion."""

import json
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from redenoise.commands.convert import convert, main
from redenoise.dag import paths
from redenoise.dag.indexed import write_index
from redenoise.models import denoisers, recognizers
from redenoise.models.weights import load_network
from redenoise.support.errors import UserError, run_cli
from redenoise.support.files import sha256_file
from redenoise.training.imports import import_family
from stages.released.node import checked
from tests.caffe_files import Layers, some, write_caffemodel

VGG = {"name": "vgg", "classes": 5, "blocks": [1, 2, 1], "width": 4, "head": 6, "pooled": 2, "preprocessing": "caffe"}
LARGE_FOV = {"name": "deeplab", "classes": 5, "blocks": [1, 2, 1, 1, 2], "width": 4, "head": 6}
OTHER: Layers = [("conv1", "Convolution", [some(4, 3, 3, 3), some(4)]), ("fc", "InnerProduct", [some(2, 5), some(2)])]


def image(*size: int) -> torch.Tensor:
    return torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(1))


def drawn(network: nn.Module) -> nn.Module:
    """The network in evaluation mode with random biases and statistics too."""
    for name, tensor in network.state_dict().items():
        if name.endswith(("bias", "running_mean")):
            nn.init.uniform_(tensor, -0.2, 0.2)
        if name.endswith("running_var"):
            nn.init.uniform_(tensor, 0.5, 1.5)
    return network.eval()


def task_layers(network: nn.Module, blocks: list[int], heads: dict[str, nn.Module]) -> Layers:
    """A task network's layers under the names and in the shapes of Caffe."""
    layers: Layers = []
    convolutions = iter(layer for layer in network.features if isinstance(layer, nn.Conv2d))
    for block, count in enumerate(blocks, 1):
        for place in range(1, count + 1):
            layers.append((f"conv{block}_{place}", "Convolution", arrays_of(next(convolutions))))
    kind = "InnerProduct" if network.kind == "classification" else "Convolution"
    return layers + [(name, kind, arrays_of(head)) for name, head in heads.items()]


def arrays_of(layer: nn.Module) -> list[np.ndarray]:
    return [array.detach().numpy() for array in (layer.weight, layer.bias) if array is not None]


def same_output(first: nn.Module, second: nn.Module, images: torch.Tensor) -> bool:
    with torch.inference_mode():
        return torch.allclose(first(images), second(images), atol=1e-5)


@pytest.mark.parametrize("old", [False, True])
def test_a_converted_vgg_classifies_as_before(project, old):
    network = drawn(recognizers.build(VGG))
    heads = dict(zip(("fc6", "fc7", "fc8"), (network.classifier[index] for index in (0, 3, 6)), strict=True))
    layers = task_layers(network, VGG["blocks"], heads)
    source = write_caffemodel(project / "vgg.caffemodel", layers, old)
    target = convert(source, "vgg", "vgg_caffe")
    assert target == paths.STORE / "tasks/vgg_caffe.safetensors"
    loaded, spec = load_network(target, build=recognizers.build)
    assert same_output(loaded, network, image(17, 20))
    assert {name: spec[name] for name in VGG} == VGG
    card = json.loads(target.with_suffix(".json").read_text())
    assert card["sha256"] == sha256_file(target) and card["source"]["sha256"] == sha256_file(source)
    assert card["origin"] == "published weights vgg.caffemodel, converted from Caffe"


@pytest.mark.parametrize("score", ["fc8", "fc8_voc12"])
def test_a_converted_large_fov_segments_as_before(project, score):
    network = drawn(recognizers.build(LARGE_FOV))
    layers = task_layers(
        network, LARGE_FOV["blocks"], {"fc6": network.fc6, "fc7": network.fc7, score: network.fc8}
    )  # fmt: skip
    target = convert(write_caffemodel(project / "a.caffemodel", denoiser()[0] + layers), "deeplab", "large_fov")
    loaded, spec = load_network(target, build=recognizers.build)
    assert same_output(loaded, network, image(33, 26))
    assert {name: spec[name] for name in LARGE_FOV} == LARGE_FOV and spec["dilation"] == 12


def denoiser(stem: int = 4, encoder: int = 8, decoder: int = 16) -> tuple[Layers, nn.Module]:
    """Random layers of the released definition of the denoiser, and its function on BGR images without their means.

    The function is written from the definition, and uses nothing of this project.
    """
    layers: Layers = []

    def convolution(kind: str, out: int, inner: int, kernel: int, bias: bool = True) -> int:
        shape = (inner, out, kernel, kernel) if kind == "Deconvolution" else (out, inner, kernel, kernel)
        weight = some(*shape) * np.float32((2 / (inner * kernel**2)) ** 0.5)
        layers.append((f"layer{len(layers)}", kind, [weight, some(out) * np.float32(0.2)][: 1 + bias]))
        return len(layers) - 1

    def normalised(out: int, inner: int, kernel: int, bias: bool) -> None:
        convolution("Convolution", out, inner, kernel, bias)
        factor = np.float32(3.7)
        statistics = [some(out) * factor, (abs(some(out)) + 0.5) * factor, np.array([factor])]
        layers.append((f"layer{len(layers)}", "BatchNorm", statistics))
        layers.append((f"layer{len(layers)}", "Scale", [some(out), some(out)]))

    def module(out: int, inner: int) -> None:
        normalised(out, inner, 3, bias=True)
        for o, i, k in ((out // 4, out, 1), (out // 4, out // 4, 3), (out, out // 4, 1)):
            normalised(o, i, k, bias=False)

    convolution("Convolution", stem, 3, 5)
    module(encoder, stem)
    module(encoder, encoder)
    convolution("Deconvolution", encoder // 4, encoder, 4)
    module(decoder, encoder + encoder // 4)
    convolution("Deconvolution", decoder // 4, decoder, 4)
    convolution("Convolution", 3, stem + decoder // 4, 3)
    return layers, lambda data: caffe_forward(iter(layers), data)


def caffe_forward(layers, data: torch.Tensor) -> torch.Tensor:
    def arrays() -> list[torch.Tensor]:
        return [torch.from_numpy(array) for array in next(layers)[2]]

    def convolved(maps: torch.Tensor, **how) -> torch.Tensor:
        return F.conv2d(maps, *arrays(), **how)

    def normalised(maps: torch.Tensor) -> torch.Tensor:
        (mean, variance, factor), (scale, shift) = arrays(), arrays()
        mean, variance, scale, shift = (v.view(1, -1, 1, 1) for v in (mean / factor, variance / factor, scale, shift))
        return (maps - mean) / (variance + 1e-5).sqrt() * scale + shift

    def module(maps: torch.Tensor, stride: int) -> torch.Tensor:
        entry = normalised(convolved(maps, stride=stride, padding=1)).relu()
        inner = normalised(convolved(entry)).relu()
        inner = normalised(convolved(inner, padding=1)).relu()
        return (entry + normalised(convolved(inner))).relu()

    full = convolved(data)
    half = module(full, 2)
    quarter = module(half, 2)
    joined = torch.cat((half, F.conv_transpose2d(quarter, *arrays(), stride=2, padding=1)), dim=1)
    joined = torch.cat((full, F.conv_transpose2d(module(joined, 1), *arrays(), stride=2, padding=1)), dim=1)
    return convolved(joined) + data[..., 3:-3, 3:-3]


@pytest.mark.parametrize("behind", [[], [OTHER[0], ("conv1_1", "Convolution", [some(4, 3, 3, 3), some(4)])]])
def test_a_converted_denoiser_denoises_as_the_definition(project, behind):
    paths.WEIGHTS.mkdir()
    layers, definition = denoiser()
    layers = [*layers[:3], ("relu", "ReLU", []), *layers[3:]]
    source = write_caffemodel(project / "denoise-s30.caffemodel", layers + behind)
    target = convert(source, "multiscale", "authors-sigma30", 30.0)
    network, spec = load_network(target, {"border": "mean"})  # as the authors extend an image
    noisy = image(26, 30)  # sides that fit the two strides, as Caffe needs them
    means = torch.tensor([104.0, 117.0, 123.0]).view(1, 3, 1, 1)
    expected = (definition(F.pad(noisy.flip(1) * 255 - means, [3] * 4)) + means).flip(1) / 255
    with torch.inference_mode():
        assert torch.allclose(network(noisy), expected, atol=1e-5)
    assert (spec["encoder"], spec["decoder"], spec["divisor"], spec["input_scale"]) == (128, 256, 16, 255.0)


def test_a_converted_denoiser_is_taken_like_released_ones(project):
    paths.WEIGHTS.mkdir()
    target = convert(write_caffemodel(project / "a.caffemodel", denoiser()[0]), "multiscale", "authors-sigma30", 30.0)
    assert target == paths.WEIGHTS / "authors-sigma30.safetensors"
    write_index(
        paths.WEIGHTS, ("id", "path", "sha256"), [{"id": target.stem, "path": target.name, "sha256": checked(target)}]
    )
    network = {"name": "multiscale", "channels": 3, "scales": 3, "encoder": 128, "decoder": 256, "divisor": 16}
    family = {"network": network, "sigmas": [30], "published": {"sigma30": target.stem}}
    card = import_family("authors", family, paths.WEIGHTS, project)["sigma30"]
    assert card["sigma_range"] == [30, 30] and card["steps_done"] == 0
    assert load_network(project / "sigma30.safetensors")[1] == card["network"]
    assert not (paths.WEIGHTS / "README.md").exists()


def test_a_full_size_denoiser_has_the_options_of_the_paper(project):
    paths.WEIGHTS.mkdir()
    source = write_caffemodel(project / "a.caffemodel", denoiser(64, 128, 256)[0])
    spec = load_network(convert(source, "multiscale", "authors-sigma30", 30.0))[1]
    assert spec == {**denoisers.full_spec({"name": "multiscale"}), "init": "xavier", "input_scale": 255.0}


LARGE = denoiser()[0]


@pytest.mark.parametrize(
    ("layers", "found"),
    [
        (LARGE[:5] + LARGE[6:], "layer 6 with weights is 'layer6' .Scale., the proposed denoiser has a BatchNorm"),
        (LARGE[:-1], "layer 40 with weights is missing, the proposed denoiser has a Convolution there"),
        (LARGE[1:], "layer 2 with weights is 'layer2' .BatchNorm."),
        ([*LARGE[:1], ("x", "Convolution", [some(8, 4, 1, 1), some(8)]), *LARGE[2:]], "do not fit .*size mismatch"),
        ([*LARGE[:1], ("x", "Convolution", [some(8, 4, 3, 3)]), *LARGE[2:]], "'x' is a Convolution with 1 arrays"),
        ([("x", "Convolution", [some(300), some(4)]), *LARGE[1:]], "'x' has weights of 1 axes, expected 4"),
        ([("x", "Convolution", [LARGE[0][2][0] * np.nan, some(4)]), *LARGE[1:]], "infinite or no numbers"),
        (OTHER, "layer 2 with weights is 'fc' .InnerProduct."),
    ],
)  # fmt: skip
def test_another_network_is_not_taken_for_the_denoiser(project, layers, found):
    with pytest.raises(UserError, match=f"a.caffemodel: .*{found}"):
        convert(write_caffemodel(project / "a.caffemodel", layers), "multiscale", "authors-sigma30", 30.0)
    assert not paths.WEIGHTS.exists()


@pytest.mark.parametrize(
    ("network", "layers", "found"),
    [
        ("vgg", OTHER, "layers conv1, fc, ... do not count up from conv1_1"),
        ("vgg", [("conv1_2", "Convolution", [some(4, 3, 3, 3), some(4)])], "do not count up from conv1_1"),
        ("vgg", [("conv1_1", "Convolution", [some(4, 3, 3, 3), some(4)])], "no layer 'fc6'"),
        ("deeplab", [("conv1_1", "Convolution", [some(4, 3, 3, 3), some(4)])], "none of the layers begins with fc8"),
        ("vgg", [("conv1_1", "InnerProduct", [some(4, 3), some(4)])], "expected Convolution with 2"),
    ],
)
def test_another_network_is_not_taken_for_a_task(project, network, layers, found):
    with pytest.raises(UserError, match=f"a.caffemodel: .*{found}"):
        convert(write_caffemodel(project / "a.caffemodel", layers), network, "new")
    assert not paths.STORE.exists()


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (("vgg", "../new"), "--name '../new': letters, digits"),
        (("vgg", "new", 30.0), "--network vgg has no --sigma"),
        (("multiscale", "authors-sigma30"), "--network multiscale needs --sigma"),
        (("multiscale", "authors", 30.0), "expected <family>-<model>"),
        (("multiscale", "authors-sigma30", float("nan")), "--sigma nan: expected more than 0"),
    ],
)
def test_wrong_arguments_are_one_line(project, arguments, found):
    with pytest.raises(UserError, match=found):
        convert(project / "a.caffemodel", *arguments)


def test_the_command_line(project, monkeypatch, capsys):
    paths.WEIGHTS.mkdir()
    write_caffemodel(project / "a.caffemodel", denoiser()[0])
    command = ["convert", "a.caffemodel", "--network", "multiscale", "--name", "authors-sigma30"]
    monkeypatch.setattr(sys, "argv", [*command, "--sigma", "30"])
    run_cli(main)
    assert capsys.readouterr().out == "weights/authors-sigma30.safetensors: converted from a.caffemodel\n"
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit):
        run_cli(main)
    assert capsys.readouterr().err == "error: --network multiscale needs --sigma; correct the command\n"
