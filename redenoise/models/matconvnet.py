"""Importer of weights published as MatConvNet networks in MATLAB 7.3 files, which are HDF5.

Only numbers and names are read from the file; nothing in it is executed.
"""

from pathlib import Path

import h5py
import numpy as np
import torch

from redenoise.support.errors import UserError, damage_explained
from redenoise.support.files import plain

MAX_VALUES = 50_000_000  # ten times the largest published network here


def read_convolutions(path: Path | str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weights and biases of every convolution of a MatConvNet `net.layers` list, in order.

    Returns:
        A list of (weight, bias), float32; weight is (out, in, height, width), bias (out,).

    Raises:
        UserError: the file is missing, is not HDF5, or holds no such network.
    """
    plain(path)
    try:
        with (
            damage_explained(path, "not a MatConvNet network in a MATLAB 7.3 file", "delete it and download it again"),
            h5py.File(path, "r") as file,
        ):
            cells = [file[reference] for reference in file["net/layers"][...].ravel()]
            return [_convolution(file, cell) for cell in cells if _text(cell["type"]) == "conv"]
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run `python -m stages.download` first") from None


def dncnn_state(path: Path | str) -> dict[str, torch.Tensor]:
    """State of a `DnCNN(batch_norm=False)` from a published DnCNN file."""
    return _state(read_convolutions(path))


def ffdnet_state(path: Path | str) -> dict[str, torch.Tensor]:
    """State of an `FFDNet` from a published FFDNet file, its sub-image channels put into PyTorch's order.

    MATLAB orders the sub-images of a channel column first: (0,0), (1,0), (0,1), (1,1) as (row, column) offsets;
    `pixel_unshuffle` orders them row first.
    """
    convolutions = read_convolutions(path)
    shapes = [weight.shape for weight, _ in convolutions]
    channels = shapes[-1][0] // 4 if shapes else 0
    if not channels or shapes[0][1:2] != (4 * channels + 1,) or shapes[-1][0] != 4 * channels:
        ends = f"{shapes[0]} to {shapes[-1]}" if shapes else "no convolutions"
        raise UserError(
            f"{path}: not an FFDNet, its weights are {ends}; correct `weights` or `published` of its family"
        )
    order = np.concatenate([4 * channel + np.array([0, 2, 1, 3]) for channel in range(channels)])
    first_weight, first_bias = convolutions[0]
    convolutions[0] = (first_weight[:, [*order, 4 * channels]], first_bias)
    last_weight, last_bias = convolutions[-1]
    convolutions[-1] = (last_weight[order], last_bias[order])
    return _state(convolutions)


IMPORTERS = {"dncnn": dncnn_state, "ffdnet": ffdnet_state}


def _state(convolutions: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, torch.Tensor]:
    """Name the convolutions as in `self.layers`, where a ReLU stands between each two."""
    state = {}
    for index, (weight, bias) in enumerate(convolutions):
        state[f"layers.{2 * index}.weight"] = torch.from_numpy(np.ascontiguousarray(weight))
        state[f"layers.{2 * index}.bias"] = torch.from_numpy(np.ascontiguousarray(bias))
    return state


def _convolution(file: h5py.File, cell: h5py.Group) -> tuple[np.ndarray, np.ndarray]:
    references = cell["weights"][...].ravel()
    if len(references) != 2:
        raise ValueError(f"a convolution has {len(references)} arrays, expected weight and bias")
    datasets = [file[reference] for reference in references]
    if any(dataset.size > MAX_VALUES for dataset in datasets):
        raise ValueError(f"a convolution has more than {MAX_VALUES} values")
    # HDF5 reverses MATLAB's axes: (out, in, width, height), and without `in` where a conv has one output channel.
    weight, bias = (dataset[...].astype(np.float32) for dataset in datasets)
    if weight.ndim == 3:
        weight = weight[np.newaxis]
    return weight.transpose(0, 1, 3, 2), bias.ravel()


def _text(dataset: h5py.Dataset) -> str:
    return "".join(map(chr, dataset[...].ravel()))
