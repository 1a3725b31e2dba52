"""Importer of weights published as pickles of PyTorch state dicts: xDnCNN and xSRCNN.

Only tensors are read (`weights_only`): a pickle that would run anything is refused.
"""

import re
from collections.abc import Callable
from pathlib import Path

import torch

from redenoise.support.errors import UserError, damage_explained
from redenoise.support.files import plain

MAX_BYTES = 1_000_000_000  # of a file
AGAIN = "delete it and download it again"


def read_state(path: Path | str) -> dict[str, torch.Tensor]:
    """A state dict by the names in the file, on the CPU.

    Raises:
        UserError: the file is missing, too large, no plain file, or not a pickle of float tensors by name. That they
            are finite is seen when they are loaded.
    """
    try:
        with damage_explained(path, "not published weights in a pickle of PyTorch tensors", AGAIN):
            if (size := plain(path).stat().st_size) > MAX_BYTES:
                raise ValueError(f"{size} bytes, expected at most {MAX_BYTES}")
            state = torch.load(path, map_location="cpu", weights_only=True)
            if strange := next((name for name, value in state.items() if not torch.is_floating_point(value)), None):
                raise ValueError(f"{strange!r} holds no floating-point numbers")
            return dict(state)
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run `python -m stages.download` first") from None


def xdncnn_state(path: Path | str) -> dict[str, torch.Tensor]:
    """State of an `XDnCNN` from a file of the authors, who number the xUnits md1, md2, ..., normalisation included."""
    return {_renamed(name): tensor for name, tensor in read_state(path).items()}


def _renamed(name: str) -> str:
    found = re.fullmatch(r"md(\d+)\.([01])\.(.*)", name)
    if not found:
        return _parts(name)
    unit, layer, rest = int(found[1]), int(found[2]), found[3]
    place = 0 if unit == 1 else 2 * unit - 3 + layer
    return _parts(f"layers.{place}.{rest}")


def _parts(name: str) -> str:
    """A name with the parts of an xUnit, and the last convolution, as they are called here."""
    return name.replace("features.0.", "convolution.").replace("module.", "gate.").replace("joints.", "last.")


def xsrcnn_state(path: Path | str) -> dict[str, torch.Tensor]:
    """State of an `XSRCNN` from a file of the authors: as of `xdncnn_state`, without normalisation between xUnits."""
    found = {re.sub(r"^md(\d+)\.0\.", _unit, name): tensor for name, tensor in read_state(path).items()}
    return {_parts(name): tensor for name, tensor in found.items()}


def _unit(found: re.Match[str]) -> str:
    return f"layers.{int(found[1]) - 1}."


IMPORTERS: dict[str, Callable[[Path | str], dict[str, torch.Tensor]]] = {
    "xdncnn": xdncnn_state,
    "xsrcnn": xsrcnn_state,
}
