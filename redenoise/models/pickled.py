"""Importer of weights published as pickles of PyTorch state dicts: xDnCNN.

Only tensors are read (`weights_only`): a pickle that would run anything is refused.
"""

import re
from collections.abc import Callable
from pathlib import Path

import torch

from redenoise.support.errors import UserError

MAX_BYTES = 1_000_000_000  # of a file


def read_state(path: Path | str) -> dict[str, torch.Tensor]:
    """A state dict by the names in the file, on the CPU.

    Raises:
        UserError: the file is missing, too large, or not a pickle of finite float tensors by name.
    """
    try:
        if (size := Path(path).stat().st_size) > MAX_BYTES:
            raise ValueError(f"{size} bytes, expected at most {MAX_BYTES}")
        state = torch.load(path, map_location="cpu", weights_only=True)
        for name, tensor in state.items():
            if not isinstance(name, str) or not tensor.is_floating_point() or not torch.isfinite(tensor).all():
                raise ValueError(f"{name!r} holds other values than finite numbers")
        return dict(state)
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run `python -m stages.download` first") from None
    except Exception as error:  # a damaged pickle raises nearly anything
        problem = str(error).splitlines()[0] if str(error) else type(error).__name__
        line = f"{path}: not published weights in a pickle of PyTorch tensors ({problem})"
        raise UserError(f"{line}; delete it and download it again") from None


def xdncnn_state(path: Path | str) -> dict[str, torch.Tensor]:
    """State of an `XDnCNN` from a file of the authors, who number the xUnits md1, md2, ..., normalisation included."""
    return {_renamed(name): tensor for name, tensor in read_state(path).items()}


def _renamed(name: str) -> str:
    found = re.fullmatch(r"md(\d+)\.([01])\.(.*)", name)
    if not found:
        return name.replace("joints.", "last.")
    unit, layer, rest = int(found[1]), int(found[2]), found[3]
    place = 0 if unit == 1 else 2 * unit - 3 + layer
    return f"layers.{place}.{rest}".replace("features.0.", "convolution.").replace("module.", "gate.")


IMPORTERS: dict[str, Callable[[Path | str], dict[str, torch.Tensor]]] = {"xdncnn": xdncnn_state}
