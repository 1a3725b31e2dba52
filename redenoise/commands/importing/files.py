"""The tensors of a file of weights, whoever wrote it: names and numbers are read, and nothing in it is executed."""

import json
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import torch
from safetensors import SafetensorError, safe_open

from redenoise.dag.config import check_network
from redenoise.models import matconvnet
from redenoise.models.weights import load_network
from redenoise.support.errors import UserError
from redenoise.training.imports import IMPORTERS

State = dict[str, torch.Tensor]
SUFFIXES = (".pth", ".pt", ".th", ".ckpt", ".pkl", ".bin", ".tar")  # of files that torch.save wrote
MAX_BYTES = 4 << 30
# What programs that train put a state dict into, the likeliest to be wanted first.
WRAPPERS = ("params_ema", "params", "state_dict", "model_state_dict", "model", "network", "net", "netG", "generator")


def read(path: Path, network: str) -> tuple[State, dict[str, Any] | None]:
    """The tensors of a file by name, in the order of its layers, and the spec if it is a file of this project.

    Args:
        network: a module of redenoise/models/denoisers: which reader a MATLAB file needs.

    Raises:
        UserError: the file is missing, damaged, of another kind, or holds more than numbers.
    """
    if not path.is_file():
        raise UserError(f"{path}: not found, expected a file of weights; correct the path")
    if path.stat().st_size > MAX_BYTES:
        raise UserError(
            f"{path}: larger than {MAX_BYTES >> 30} GB, expected the weights of a denoiser; correct the path"
        )
    suffix, spec = path.suffix.lower(), None
    if suffix == ".safetensors":
        state, spec = _safetensors(path)
    elif suffix == ".mat":
        state = _matlab(path, network)
    elif suffix in SUFFIXES:
        state = _torch(path)
        if list(state) == sorted(state):  # as text, so 10 stands before 2: the order of the layers is lost
            state = {name: state[name] for name in sorted(state, key=_natural)}
    else:
        hint = "`redenoise convert` reads it" if suffix == ".caffemodel" else "rename or convert it"
        raise UserError(f"{path}: expected a name that ends in .safetensors, .mat, {', '.join(SUFFIXES)}; {hint}")
    for name, tensor in state.items():
        if not torch.is_floating_point(tensor) and not name.endswith("num_batches_tracked"):
            raise UserError(f"{path}: {name!r} is of {tensor.dtype}, expected floating point; get the file again")
        if not tensor.float().isfinite().all():
            raise UserError(f"{path}: {name!r} has values that are infinite or no numbers; get the file again")
    return {name: tensor.float() for name, tensor in state.items()}, spec


def _safetensors(path: Path) -> tuple[State, dict[str, Any] | None]:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            names = sorted(file.keys(), key=_natural)  # such a file has no order of its own
            state = {name: file.get_tensor(name) for name in names}
        if "redenoise" not in metadata:
            return state, None
        spec = json.loads(metadata["redenoise"])["network"]
        check_network(spec, path)
        return load_network(path)[0].state_dict(), spec
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, RecursionError, RuntimeError) as error:
        raise UserError(f"{path}: damaged, or not a safetensors file ({error}); get the file again") from None


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts numbers in a name by their value."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in name.split(".")]


def _matlab(path: Path, network: str) -> State:
    if network not in IMPORTERS:
        known = ", ".join(IMPORTERS)
        raise UserError(f"{path}: MATLAB files are read for {known}, not for {network}; save it as a state dict")
    try:
        state = IMPORTERS[network](path)
    except UserError as error:
        found = str(error).rpartition("; ")[0] or str(error)  # its advice is about files that the project fetches
        raise UserError(f"{found}; get the file again, or name its --network") from None
    if network in matconvnet.IMPORTERS and "bnorm" in _layer_types(path):
        raise UserError(f"{path}: normalisation that is not merged; merge it with the authors' vl_simplenn_mergebnorm")
    return state


def _layer_types(path: Path) -> set[str]:
    """What the layers of a sound MatConvNet file are."""
    with h5py.File(path, "r") as file:
        types = [file[layer]["type"][...].ravel() for layer in file["net/layers"][...].ravel()]
        return {"".join(map(chr, letters)) for letters in types}


def _torch(path: Path) -> State:
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        name = re.search(r"GLOBAL ([\w.]+)", str(error))
        what = f"the class {name[1]}, whose code it would run" if name else "more than tensors, or none at all"
        todo = "save the state dict alone: torch.save(model.state_dict(), FILE)"
        raise UserError(f"{path}: holds {what}; {todo}") from None
    except Exception as error:  # torch.load raises nearly anything at a damaged file
        line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{path}: not a file of torch.save ({line:.200}); get the file again") from None
    return _unwrapped(found, path)


def _unwrapped(found: Any, path: Path) -> State:
    """The state dict inside what a program has put around it."""
    while isinstance(found, Mapping):
        inner = next((found[name] for name in WRAPPERS if isinstance(found.get(name), Mapping)), None)
        if inner is None:
            break
        found = inner
    if not isinstance(found, Mapping):
        raise UserError(f"{path}: holds a {type(found).__name__}, expected a state dict; save model.state_dict()")
    strange = next((name for name, value in found.items() if not isinstance(value, torch.Tensor)), None)
    if strange is not None or not found:
        what = f"{strange!r} is a {type(found[strange]).__name__}" if strange is not None else "it is empty"
        expected = f"expected a state dict, by itself or as {json.dumps(WRAPPERS)[1:-1]}"
        raise UserError(f"{path}: {what}; {expected}; save model.state_dict()")
    return {str(name): tensor for name, tensor in found.items()}
