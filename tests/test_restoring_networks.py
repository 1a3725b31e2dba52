"""Networks for super-resolution and JPEG against what plain loops compute, and the readers of the authors' files."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.fft import dctn, idctn
from scipy.io import savemat
from scipy.ndimage import correlate
from skimage import data

from redenoise.data.imresize import imresize
from redenoise.measure.apply import denoise
from redenoise.measure.degradations import bicubic, jpeg
from redenoise.models import matlab, pickled
from redenoise.models.denoisers import build, tnrd_bicubic, tnrd_jpeg
from redenoise.support.errors import UserError

SMALL = {
    "srcnn": {"name": "srcnn", "sides": [5, 1, 3], "widths": [3, 2]},
    "vdsr": {"name": "vdsr", "depth": 3, "width": 3},
    "xsrcnn": {"name": "xsrcnn", "sides": [5, 3, 3], "widths": [3, 2], "support": 5},
    "tnrd_bicubic": {"name": "tnrd_bicubic", "stages": 2, "side": 3},
    "tnrd_jpeg": {"name": "tnrd_jpeg", "stages": 2, "side": 3},
}
MEANS = 10.0 * (np.arange(63) - 31)


def scrambled(name: str) -> torch.nn.Module:
    """A small network in evaluation mode whose every number has been moved, running statistics too."""
    torch.manual_seed(1)
    network = build(SMALL[name]).eval()
    with torch.no_grad():
        for key, tensor in network.state_dict().items():
            if tensor.is_floating_point() and key != "spacing":
                tensor += 0.05 * torch.rand(tensor.shape)
    return network


@pytest.fixture
def clean() -> np.ndarray:
    """A ramp with a bright square, (24, 24), float64 on the [0, 255] scale, whole levels."""
    ramp = np.add.outer(np.arange(24) * 5, np.arange(24) * 4) + 20
    ramp[6:13, 9:17] += 40
    return ramp.astype(np.float64)


def draw(shape: tuple[int, ...]) -> np.ndarray:
    raise AssertionError("no noise here")


def layers(state: dict, name: str, maps: list[np.ndarray], mode: str) -> list[np.ndarray]:
    """One convolution by scipy: correlation over a border of zeros or of the edge."""
    kernels, biases = (state[f"{name}.{part}"].double().numpy() for part in ("weight", "bias"))
    return [
        sum(correlate(plane, kernel, mode=mode, cval=0.0) for plane, kernel in zip(maps, row, strict=True)) + bias
        for row, bias in zip(kernels, biases, strict=True)
    ]


@pytest.mark.parametrize(("name", "mode"), [("srcnn", "nearest"), ("vdsr", "constant")])
def test_rows_of_convolutions(clean: np.ndarray, name: str, mode: str):
    network = scrambled(name)
    maps = [clean / 255]
    for number in (0, 2, 4):
        maps = layers(network.state_dict(), f"layers.{number}", maps, mode)
        maps = maps if number == 4 else [np.maximum(plane, 0) for plane in maps]
    expected = maps[0] * 255 + (clean if name == "vdsr" else 0)
    assert np.abs(denoise(network, clean.astype(np.float32), 3) - expected).max() < 1e-3


def test_xsrcnn_gates_its_convolutions(clean: np.ndarray):
    network = scrambled("xsrcnn")
    first, features = network.layers[0], torch.from_numpy(clean / 255).float()[None, None]
    state = {name: tensor.double().numpy() for name, tensor in first.gate.state_dict().items()}
    maps = layers(network.state_dict(), "layers.0.convolution", [clean / 255], "constant")

    def normalised(plane: np.ndarray, layer: int, channel: int) -> np.ndarray:
        mean, variance, weight, bias = (
            state[f"{layer}.{part}"][channel] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return (plane - mean) / np.sqrt(variance + 1e-5) * weight + bias

    with torch.inference_mode():
        found = first(features)[0].numpy()
    for channel, plane in enumerate(maps):
        gate = np.maximum(normalised(plane, 0, channel), 0)
        gate = correlate(gate, state["2.weight"][channel, 0], mode="constant") + state["2.bias"][channel]
        assert np.abs(found[channel] - plane * np.exp(-(normalised(gate, 3, channel) ** 2))).max() < 1e-5


def diffusion(state: dict, stage: int, image: np.ndarray) -> np.ndarray:
    """The sum over filters of k^T phi(k u), mirrored at borders."""
    waves = dctn(np.eye(9).reshape(9, 3, 3), axes=(1, 2), norm="ortho")  # of impulses: frequencies by pixels
    basis = [waves[:, row, column].reshape(3, 3) for column in range(3) for row in range(3)][1:]
    total = np.zeros(image.shape)
    for coefficients, weights in zip(state["coefficients"][stage], state["weights"][stage], strict=True):
        kernel = sum(value * wave for value, wave in zip(coefficients, basis, strict=True))
        kernel = kernel / np.linalg.norm(kernel)
        response = correlate(image, kernel, mode="reflect")
        influence = (weights * np.exp(-0.5 * ((response[..., np.newaxis] - MEANS) / 10) ** 2)).sum(-1)
        total += correlate(influence, kernel[::-1, ::-1], mode="reflect")
    return total


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_tnrd_pulls_towards_the_small_image(clean: np.ndarray, scale: int):
    network = scrambled("tnrd_bicubic")
    state = {name: tensor.double().numpy() for name, tensor in network.state_dict().items()}
    small = imresize(clean, 24 // scale, 24 // scale)
    enlarged = imresize(small, 24, 24)
    margin = {2: 2, 3: 3, 4: 4}[scale]  # the first multiple of the scale that a filter of 3x3 does not pass
    image, target = enlarged, np.pad(small, margin // scale, mode="symmetric")
    for stage in range(2):
        extended = np.pad(image, margin, mode="symmetric")
        missing = imresize(imresize(extended, *target.shape) - target, *extended.shape) / scale**2
        moved = extended - np.exp(state["log_steps"][stage]) * missing - diffusion(state, stage, extended)
        image = np.clip(moved[margin:-margin, margin:-margin], 0, 255)
    found = denoise(network, enlarged.astype(np.float32), scale)
    assert np.abs(found - image).max() < 0.05  # of the table's steps
    again = tnrd_bicubic.shrunk_before(torch.from_numpy(enlarged)[None, None], scale)[0, 0].numpy()
    assert np.abs(again - small).max() < 1e-9


@pytest.mark.parametrize("quality", [10, 30, 80])
def test_tnrd_stays_with_what_the_file_allows(clean: np.ndarray, quality: int):
    network = scrambled("tnrd_jpeg")
    state = {name: tensor.double().numpy() for name, tensor in network.state_dict().items()}
    decoded = jpeg.degrade(clean, quality, draw).astype(np.float64)
    steps = tnrd_jpeg.quantisation(torch.tensor([float(quality)]))[0].numpy()

    def blocks(image: np.ndarray) -> np.ndarray:
        return image.reshape(3, 8, 3, 8).transpose(0, 2, 1, 3)

    def whole(coefficients: np.ndarray) -> np.ndarray:
        image = idctn(coefficients, axes=(2, 3), norm="ortho").transpose(0, 2, 1, 3).reshape(24, 24)
        return np.clip(image, -128, 127)

    stored = np.rint(dctn(blocks(decoded - 128), axes=(2, 3), norm="ortho") / steps)
    image = whole(stored * steps)
    for stage in range(2):
        moved = image - diffusion(state, stage, np.pad(image, 5, mode="symmetric"))[5:-5, 5:-5]
        wanted = dctn(blocks(moved), axes=(2, 3), norm="ortho")
        image = whole(np.clip(wanted, (stored - 0.4) * steps, (stored + 0.4) * steps))
    found = denoise(network, decoded.astype(np.float32), quality)
    assert np.abs(found - (image + 128)).max() < 0.05
    odd = denoise(network, decoded[:21, :17].astype(np.float32), quality)
    assert odd.shape == (21, 17) and np.abs(odd[:16, :16] - found[:16, :16]).max() < 20


def test_quantisation_is_that_of_the_encoder():
    for quality in (1, 10, 40, 50, 77, 100):
        stream = io.BytesIO()
        Image.new("L", (8, 8)).save(stream, format="JPEG", quality=quality)
        table = np.array(Image.open(stream).quantization[0]).reshape(8, 8)
        assert np.array_equal(tnrd_jpeg.quantisation(torch.tensor([float(quality)]))[0].numpy(), table), quality


def test_reader_of_srcnn_turns_columns_into_rows(tmp_path: Path):
    generator = np.random.default_rng(0)
    kernels = [generator.normal(size=shape) for shape in ((3, 1, 5, 5), (2, 3, 3, 3), (4, 2, 1, 1), (1, 4, 3, 3))]
    shapes = ((1, 25, 3), (3, 9, 2), (2, 1, 4), (4, 9))
    variables = {}
    for name, kernel, shape in zip(("conv1", "conv2", "conv22", "conv3"), kernels, shapes, strict=True):
        outer, inner = kernel.shape[:2]
        vectors = kernel.transpose(1, 3, 2, 0).reshape(inner, -1, outer)  # column by column
        variables[f"weights_{name}"] = vectors.reshape(shape)
        variables[f"biases_{name}"] = generator.normal(size=(outer, 1))
    savemat(tmp_path / "net.mat", variables)
    state = matlab.srcnn_state(tmp_path / "net.mat")
    for number, kernel in enumerate(kernels):
        assert np.allclose(state[f"layers.{2 * number}.weight"].numpy(), kernel)
    build({"name": "srcnn", "sides": [5, 3, 1, 3], "widths": [3, 2, 4]}).load_state_dict(state)
    savemat(tmp_path / "short.mat", {**variables, "weights_conv2": np.ones((5, 7))})
    with pytest.raises(UserError, match=r"short\.mat: not published weights"):
        matlab.srcnn_state(tmp_path / "short.mat")
    savemat(tmp_path / "other.mat", {"x": 1.0})
    with pytest.raises(UserError, match="no variables weights_conv1"):
        matlab.srcnn_state(tmp_path / "other.mat")


def test_reader_of_vdsr_puts_the_channels_first(tmp_path: Path):
    generator = np.random.default_rng(0)
    kernels = [generator.normal(size=shape) for shape in ((3, 3, 1, 4), (3, 3, 4, 4), (3, 3, 4))]
    cells, biases = np.empty((1, 3), object), np.empty((1, 3), object)
    for number, kernel in enumerate(kernels):
        cells[0, number], biases[0, number] = kernel, generator.normal(size=(kernel.shape[-1] if number < 2 else 1, 1))
    savemat(tmp_path / "net.mat", {"model": {"weight": cells, "bias": biases}})
    state = matlab.vdsr_state(tmp_path / "net.mat")
    assert np.allclose(state["layers.2.weight"][3, 1].numpy(), kernels[1][:, :, 1, 3])
    assert state["layers.4.weight"].shape == (1, 4, 3, 3)
    build({"name": "vdsr", "depth": 3, "width": 4}).load_state_dict(state)
    savemat(tmp_path / "other.mat", {"model": {"x": 1.0}})
    with pytest.raises(UserError, match="no row of convolutions"):
        matlab.vdsr_state(tmp_path / "other.mat")


def test_reader_of_xsrcnn_names_its_units(tmp_path: Path):
    network = scrambled("xsrcnn")
    own = {name: tensor for name, tensor in network.state_dict().items() if "num_batches" not in name}
    theirs = {
        name.replace("layers.0.", "md1.0.").replace("layers.1.", "md2.0.").replace("last.", "joints."): tensor
        for name, tensor in own.items()
    }
    parts = {"convolution.": "features.0.", "gate.": "module."}
    stored = {}
    for name, tensor in theirs.items():
        for ours, other in parts.items():
            name = name.replace(ours, other)
        stored[name] = tensor
    torch.save(stored, tmp_path / "net.pkl")
    found = pickled.xsrcnn_state(tmp_path / "net.pkl")
    assert found.keys() == own.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in own.items())


@pytest.mark.parametrize("name", ["srcnn", "xsrcnn"])
def test_options_that_do_not_fit_are_refused(name: str):
    with pytest.raises(ValueError, match="expected odd sides, one more than widths"):
        build({"name": name, "sides": [9, 5], "widths": [4, 4]})
    with pytest.raises(ValueError, match="expected odd sides"):
        build({"name": name, "sides": [9, 4, 5], "widths": [4, 4]})


CHECKED = [
    ("srcnn", {"sides": [9, 5, 5]}, "srcnn/mat_SRCNN/Model/SRCNN/9-5-5(ImageNet)/x3.mat", 3),
    ("srcnn", {"sides": [9, 7, 1, 5], "widths": [64, 32, 16]}, "arcnn/weights/q10.mat", 10),
    ("vdsr", {}, "vdsr/Test/VDSR_Official.mat", 3),
    ("xsrcnn", {}, "xunit/super_resolution/checkpoints/xsrcnnf_s3_k9k3k5.pkl", 3),
    ("tnrd_bicubic", {}, "SuperResolution/JointTraining_91imgs_7x7_stage=5_s=3-G-Bicubic.mat", 3),
    ("tnrd_jpeg", {}, "JPEGdeblocking/JointTraining_7x7_400_176X176_stage=4.mat", 10),
]


@pytest.mark.parametrize(("name", "options", "path", "level"), CHECKED, ids=[row[2][:9] for row in CHECKED])
def test_published_weights_restore(mirror: Path, name: str, options: dict, path: str, level: int):
    """A wrong axis, order or sign in the import would make a picture worse than it was."""
    picture = data.camera()[:120, 192:312].astype(np.float64)
    degraded = (bicubic if level < 10 else jpeg).degrade(picture, level, draw).astype(np.float32)
    folder = "tnrd/TestCodes(denoising-deblocking-SR)/" if name.startswith("tnrd") else ""
    network = build({"name": name, **options}).eval()
    readers = matlab.IMPORTERS | pickled.IMPORTERS
    network.load_state_dict(readers[name](mirror / f"{folder}{path}"))
    inner = np.s_[24:-24, 24:-24]  # of a network that is used to zeros around a picture without its border
    before, after = (
        np.square(image - picture)[inner].mean() for image in (degraded, denoise(network, degraded, level))
    )
    assert after < 0.93 * before
