"""From the layers of Caffe files to the networks of this project.

Caffe's convolutions are correlations with weights (out, in, height, width), and its deconvolutions transposed ones with
weights (in, out, height, width): as in PyTorch. What differs is said at each importer.
"""

import re
from collections.abc import Callable
from math import isqrt
from pathlib import Path

import numpy as np
import torch

from redenoise.models import denoisers
from redenoise.models.caffemodel import Layer
from redenoise.models.denoisers.multiscale import STEM
from redenoise.support.errors import UserError

Layers = dict[str, Layer]
Imported = tuple[dict, dict[str, torch.Tensor]]  # a network's spec and its state
_CONVOLUTION = re.compile(r"conv(\d+)_(\d+)")


def vgg(layers: Layers, path: Path | str) -> Imported:
    """A VGG of the layers conv1_1, conv1_2, ..., fc6, fc7, fc8, as VGG_ILSVRC_16_layers.caffemodel names them.

    Layers of other names, such as those of a denoiser in front, are left out. The first convolution keeps its BGR
    order, which `preprocessing: caffe` serves. Fully connected layers see the feature maps in the same order as in
    PyTorch: channel, row, column. That file's exact means are 103.939, 116.779, 123.68; Liu et al. subtract 104, 117,
    123, and so does `preprocessing: caffe`.

    Raises:
        UserError: a layer is missing, or is of another type or shape.
    """
    blocks, state = _trunk(layers, path)
    for index, name in zip((0, 3, 6), ("fc6", "fc7", "fc8"), strict=True):
        weight, bias = _arrays(layers, name, "InnerProduct", 2, path)
        state |= _pair(f"classifier.{index}", weight.reshape(-1, weight.shape[-1]), bias)
    head, seen = state["classifier.0.weight"].shape
    channels = state[f"features.{_indices(blocks)[-1]}.weight"].shape[0]
    spec = {
        **_described("vgg", blocks, state),
        "classes": len(state["classifier.6.bias"]),
        "head": head,
        "pooled": isqrt(seen // channels),
    }
    return spec, state


def deeplab(layers: Layers, path: Path | str) -> Imported:
    """A DeepLab-LargeFOV of the layers conv1_1, ..., fc6, fc7, and one that begins with fc8, such as fc8_voc12.

    The dilation of fc6 is not among the weights; 12, that of the published network, is assumed. For the rest see `vgg`.

    Raises:
        UserError: a layer is missing, or is of another type or shape.
    """
    blocks, state = _trunk(layers, path)
    scores = [name for name in layers if name.startswith("fc8")]
    if len(scores) != 1:
        found = ", ".join(scores) or "none"
        raise UserError(f"{path}: {found} of the layers begins with fc8, expected one; choose another file")
    for name, layer in zip(("fc6", "fc7", "fc8"), ("fc6", "fc7", scores[0]), strict=True):
        state |= _pair(name, *_arrays(layers, layer, "Convolution", 2, path))
    spec = {
        **_described("deeplab", blocks, state),
        "classes": len(state["fc8.bias"]),
        "head": len(state["fc6.bias"]),
        "dilation": 12,
    }
    return spec, state


def multiscale(layers: Layers, path: Path | str) -> Imported:
    """The proposed denoiser of Liu et al. in 3 scales: the whole file, or what stands before the network of a task.

    The weight files of the authors (denoise-s30, cls_joint, seg_joint) were not at hand when this was written, so their
    layers' names are not relied on. The first layers with weights are matched by order, type and shape with the
    released definition: stem; two encoders; transposed convolution; decoder; transposed convolution; last convolution.
    An encoder or decoder is four convolutions, each with a BatchNorm and a Scale behind it.

    What is changed: the first and the last convolution go from BGR to RGB; the authors concatenate finer features
    first, `MultiScale` upsampled ones; a BatchNorm holds sums of means and variances and a third array to divide them
    by. Means 104, 117, 123 and the range [0, 255] are options of `MultiScale`. The authors extend an image by its mean
    colour; that is its option `border`, which no weight depends on and an evaluation can set.

    Raises:
        UserError: the layers do not follow that order, or the shapes are of another network.
    """
    names = list(layers)
    state: dict[str, torch.Tensor] = {}
    for index, (kind, target) in enumerate(_denoiser_layers()):
        name = names[index] if index < len(names) else None
        if name is None or layers[name].type != kind:
            found = "missing" if name is None else f"{name!r} ({layers[name].type})"
            line = f"{path}: layer {index + 1} with weights is {found}, the proposed denoiser has a {kind} there"
            raise UserError(f"{line}; choose a file of that network")
        state |= _tensors(kind, target, layers, name, path)
    stem, encoder, decoder = (state[name].shape[0] for name in ("stem.weight", "encoders.0.0.weight", "up.1.weight"))
    divisor = max(1, STEM // stem)
    state["stem.weight"] = state["stem.weight"].flip(1)
    for name, finer in (("decoders.0.0.weight", encoder), ("last.weight", stem)):
        state[name] = state[name].roll(-finer, dims=1)
    for name in ("last.weight", "last.bias"):
        state[name] = state[name].flip(0)
    options = {"scales": 3, "encoder": encoder * divisor, "decoder": decoder * divisor, "divisor": divisor}
    schedule = {"init": "xavier", "input_scale": 255.0}
    return denoisers.full_spec({"name": "multiscale", "channels": 3, **options, **schedule}), state


IMPORTERS: dict[str, Callable[[Layers, Path | str], Imported]] = {
    "vgg": vgg,
    "deeplab": deeplab,
    "multiscale": multiscale,
}


def _trunk(layers: Layers, path: Path | str) -> tuple[list[int], dict[str, torch.Tensor]]:
    """Convolutions of each block, and their state under the names of `Trunk`."""
    found = sorted(tuple(map(int, match.groups())) for name in layers if (match := _CONVOLUTION.fullmatch(name)))
    counts = [sum(block == number for block, _ in found) for number in range(1, len({b for b, _ in found}) + 1)]
    expected = [(block, index) for block, count in enumerate(counts, 1) for index in range(1, count + 1)]
    if not found or found != expected:
        names = ", ".join(list(layers)[:4])
        line = f"{path}: its layers {names}, ... do not count up from conv1_1 by block and place"
        raise UserError(f"{line}; choose a file of this network")
    state: dict[str, torch.Tensor] = {}
    for (block, place), index in zip(found, _indices(counts), strict=True):
        state |= _pair(f"features.{index}", *_arrays(layers, f"conv{block}_{place}", "Convolution", 2, path))
    return counts, state


def _indices(blocks: list[int]) -> list[int]:
    """Number of each convolution in `Trunk`, where a ReLU follows each and a pooling each block."""
    indices: list[int] = []
    index = 0
    for count in blocks:
        indices += range(index, index + 2 * count, 2)
        index += 2 * count + 1
    return indices


def _described(name: str, blocks: list[int], state: dict[str, torch.Tensor]) -> dict:
    """The spec of a network with such a trunk, also what is at its default: that may change later."""
    options = {"batch_norm": False, "dropout": 0.5, "preprocessing": "caffe", "features_after": min(3, len(blocks))}
    return {"name": name, "blocks": blocks, "width": len(state["features.0.bias"]), **options}


def _denoiser_layers() -> list[tuple[str, str]]:
    """Type of every layer with weights in the order of the released definition, and its name in `MultiScale`."""

    def module(name: str) -> list[tuple[str, str]]:
        convolutions = [(f"{name}.0", f"{name}.1")]
        convolutions += [(f"{name}.3.layers.{index}", f"{name}.3.layers.{index + 1}") for index in (0, 3, 6)]
        return [
            layer
            for convolution, normalisation in convolutions
            for layer in (("Convolution", convolution), ("BatchNorm", normalisation), ("Scale", normalisation))
        ]

    return [
        ("Convolution", "stem"),
        *module("encoders.0"),
        *module("encoders.1"),
        ("Deconvolution", "up.0"),
        *module("decoders.0"),
        ("Deconvolution", "up.1"),
        ("Convolution", "last"),
    ]


def _tensors(kind: str, target: str, layers: Layers, name: str, path: Path | str) -> dict[str, torch.Tensor]:
    """One layer of the denoiser under its name here."""
    if kind == "BatchNorm":
        mean, variance, divisor = _arrays(layers, name, kind, 3, path)
        factor = 1 / divisor.item() if divisor.size == 1 and divisor.item() else 0.0  # as Caffe does, also for 0
        found = {"running_mean": mean * np.float32(factor), "running_var": variance * np.float32(factor)}
        state = {f"{target}.{part}": _tensor(values.ravel()) for part, values in found.items()}
        return {**state, f"{target}.num_batches_tracked": torch.tensor(0)}
    biased = kind == "Scale" or ".layers." not in target
    arrays = _arrays(layers, name, kind, 2 if biased else 1, path)
    if kind == "Scale":
        return _pair(target, arrays[0].ravel(), arrays[1])
    if arrays[0].ndim != 4:
        raise UserError(f"{path}: layer {name!r} has weights of {arrays[0].ndim} axes, expected 4; choose another file")
    return _pair(target, *arrays)


def _arrays(layers: Layers, name: str, kind: str, count: int, path: Path | str) -> list[np.ndarray]:
    """The arrays of a layer; raises `UserError` unless it is of this type and has so many."""
    if name not in layers:
        names = ", ".join(list(layers)[:4])
        raise UserError(f"{path}: no layer {name!r}, its first ones are {names}; choose a file of this network")
    layer = layers[name]
    if (layer.type, len(layer.blobs)) != (kind, count):
        found = f"{layer.type} with {len(layer.blobs)} arrays"
        raise UserError(f"{path}: layer {name!r} is a {found}, expected {kind} with {count}; choose another file")
    return layer.blobs


def _pair(name: str, weight: np.ndarray, bias: np.ndarray | None = None) -> dict[str, torch.Tensor]:
    biases = {} if bias is None else {f"{name}.bias": _tensor(bias.ravel())}
    return {f"{name}.weight": _tensor(weight), **biases}


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values).copy())
