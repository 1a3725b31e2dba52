"""Importers of weights published in MATLAB 5 files: TNRD, CSF, MLP, SRCNN, AR-CNN and VDSR.

Only numbers are read from a file, through scipy; nothing in it is executed.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from scipy.io import loadmat, whosmat

from redenoise.support.errors import UserError, damage_explained
from redenoise.support.files import plain

MAX_BYTES = 512_000_000  # of a file; the largest known one, of the MLP, is below a quarter of it
Found = TypeVar("Found")
DAMAGE = ("not published weights in a MATLAB 5 file", "delete it and download it again")
GAUSSIANS = 63  # of an influence function of TNRD


def read_variable(path: Path | str, name: str) -> np.ndarray:
    """One variable of a MATLAB 5 file.

    Raises:
        UserError: the file is missing, too large, not such a file, or has no such variable.
    """
    return _open(path, lambda file: loadmat(file, variable_names=[name])[name])


def tnrd_state(path: Path | str, steps: int = 1) -> dict[str, torch.Tensor]:
    """State of a `TNRD` from a file of the authors: one column of numbers a stage in `cof`.

    Args:
        steps: how many numbers a stage has besides filters and functions: one for its step, none for JPEG.
    """
    columns = _finite(path, read_variable(path, "cof"))
    means = _open(path, lambda file: loadmat(file, variable_names=["MFS"])["MFS"]["means"][0, 0].ravel().astype(float))
    # n filters of n coefficients, the logarithm of the step, n functions of 63 weights: n^2 + 1 + 63 n numbers.
    count = round((-GAUSSIANS + (GAUSSIANS**2 + 4 * (len(columns) - steps)) ** 0.5) / 2)
    if columns.ndim != 2 or count < 1 or count**2 + steps + GAUSSIANS * count != len(columns):
        raise _damaged(path, f"cof is {columns.shape}, expected a stage of a denoiser in every column")
    stages = torch.from_numpy(columns.T.astype(np.float32))
    filters, logarithms, functions = stages.split([count**2, steps, GAUSSIANS * count], dim=1)
    return {
        "coefficients": filters.reshape(-1, count, count).contiguous(),
        **({"log_steps": logarithms[:, 0].contiguous()} if steps else {}),
        "weights": functions.reshape(-1, count, GAUSSIANS).contiguous(),
        "spacing": torch.tensor(float(means[1] - means[0])),
    }


def csf_state(path: Path | str) -> dict[str, torch.Tensor]:
    """State of a `CSF` from a file of the authors: filters and shrinkage functions of every stage in `model`."""
    try:
        model = read_variable(path, "model")[0, 0]
        filters, shrink = model["f"], model["shrink"]  # cells (filters, stages)
        kernels = np.array([[np.asarray(cell, np.float64) for cell in stage] for stage in filters.T])
        weights = np.array([[cell["weights"].ravel() for cell in stage] for stage in shrink.T], np.float64)
        strengths = np.asarray(model["lambda"], np.float64).ravel()
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise _damaged(path, f"no shrinkage field ({error})") from None
    found = {"filters": kernels, "weights": weights, "strengths": strengths}
    return {name: torch.from_numpy(_finite(path, values).astype(np.float32)) for name, values in found.items()}


def mlp_state(path: Path | str) -> dict[str, torch.Tensor]:
    """State of an `MLP` from `weights_cvpr.mat`: matrices w1, w2, ... of (out, in + 1), the bias in the last column.

    A patch is a vector there with its columns one below the other; here, as in PyTorch, its rows.
    """
    names = _open(path, lambda file: {name for name, _, _ in whosmat(file)})
    matrices: list[np.ndarray] = []
    while (name := f"w{len(matrices) + 1}") in names:
        matrices.append(_finite(path, read_variable(path, name)).astype(np.float32))
    if not matrices or any(matrix.ndim != 2 for matrix in matrices):
        raise _damaged(path, "no matrices w1, w2, ...")
    first, last = matrices[0], matrices[-1]
    matrices[0] = np.hstack((first[:, :-1][:, _rows_first(path, first.shape[1] - 1)], first[:, -1:]))
    matrices[-1] = matrices[-1][_rows_first(path, last.shape[0])]
    state = {}
    for number, matrix in enumerate(matrices):
        state[f"layers.{2 * number}.weight"] = torch.from_numpy(matrix[:, :-1].copy())
        state[f"layers.{2 * number}.bias"] = torch.from_numpy(matrix[:, -1].copy())
    return state


def srcnn_state(path: Path | str) -> dict[str, torch.Tensor]:
    """State of an `SRCNN` from a file of its authors or of AR-CNN's: weights_conv1, (conv22), ... and their biases.

    Weights are (in, side^2, out), without a side of 1 at an end; a kernel is column by column.
    """
    names = _open(path, lambda file: {name for name, _, _ in whosmat(file)})
    layers = [name for name in ("conv1", "conv2", "conv22", "conv3") if f"weights_{name}" in names]
    state: dict[str, torch.Tensor] = {}
    inner = 1
    for number, name in enumerate(layers):
        biases = _finite(path, read_variable(path, f"biases_{name}")).astype(np.float32).ravel()
        weights = _finite(path, read_variable(path, f"weights_{name}")).astype(np.float32)
        if weights.size % (inner * len(biases)):
            raise _damaged(path, f"weights_{name} is {weights.shape}, {len(biases)} biases after {inner} channels")
        kernels = weights.reshape(inner, -1, len(biases))[:, _rows_first(path, weights.size // inner // len(biases))]
        side = round(kernels.shape[1] ** 0.5)
        turned = kernels.transpose(2, 0, 1).reshape(len(biases), inner, side, side)
        state[f"layers.{2 * number}.weight"] = torch.from_numpy(turned.copy())
        state[f"layers.{2 * number}.bias"] = torch.from_numpy(biases)
        inner = len(biases)
    if not state:
        raise _damaged(path, "no variables weights_conv1, ...")
    return state


def vdsr_state(path: Path | str) -> dict[str, torch.Tensor]:
    """State of a `VDSR` from `VDSR_Official.mat`: cells of kernels (height, width, in, out) and biases in `model`."""
    try:
        model = read_variable(path, "model")[0, 0]
        pairs = list(zip(model["weight"].ravel(), model["bias"].ravel(), strict=True))
        state: dict[str, torch.Tensor] = {}
        for number, (weight, bias) in enumerate(pairs):
            kernels = np.asarray(weight, np.float32).reshape(*weight.shape[:3], -1).transpose(3, 2, 0, 1)
            state[f"layers.{2 * number}.weight"] = torch.from_numpy(_finite(path, kernels).copy())
            state[f"layers.{2 * number}.bias"] = torch.from_numpy(_finite(path, np.asarray(bias, np.float32)).ravel())
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise _damaged(path, f"no row of convolutions ({error})") from None
    return state


def _rows_first(path: Path | str, size: int) -> np.ndarray:
    """Where each pixel of a patch, row by row, stands in a vector that is column by column."""
    side = round(size**0.5)
    if side**2 != size:
        raise _damaged(path, f"patches of {size} pixels, expected squares")
    return np.arange(size).reshape(side, side).T.ravel()


IMPORTERS: dict[str, Callable[[Path | str], dict[str, torch.Tensor]]] = {
    "csf": csf_state,
    "mlp": mlp_state,
    "srcnn": srcnn_state,
    "tnrd": tnrd_state,
    "tnrd_bicubic": tnrd_state,
    "tnrd_jpeg": partial(tnrd_state, steps=0),
    "vdsr": vdsr_state,
}


def _open(path: Path | str, read: Callable[[str], Found]) -> Found:
    """What `read` finds in a file; whatever may be wrong with it is one line."""
    plain(path)
    try:
        with damage_explained(path, *DAMAGE):
            if (size := Path(path).stat().st_size) > MAX_BYTES:
                raise ValueError(f"{size} bytes, expected at most {MAX_BYTES}")
            return read(str(path))
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run `python -m stages.download` first") from None


def _finite(path: Path | str, values: np.ndarray) -> np.ndarray:
    if not np.issubdtype(values.dtype, np.floating) or not np.isfinite(values).all():
        raise _damaged(path, f"{values.dtype} values, not all of them finite numbers")
    return values


def _damaged(path: Path | str, problem: str) -> UserError:
    return UserError(f"{path}: {DAMAGE[0]} ({problem}); {DAMAGE[1]}")
