"""Tensors of others under the names of a network of this project: prefixes taken off, normalisation merged."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from redenoise.commands.importing.files import State
from redenoise.dag.config import check_network
from redenoise.models import denoisers
from redenoise.support.errors import UserError

Named = dict[str, tuple[str, torch.Tensor]]  # by the name here: the name in the file, and the tensor
NORMALISATION = {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}


def fitted(path: Path, state: State, spec: dict[str, Any], epsilon: float) -> tuple[nn.Module, dict[str, Any]]:
    """The network with the tensors of a file, in evaluation mode, and its spec as it is stored.

    DnCNN and FFDNet are rows of convolutions: those of the file are taken in its order, whatever they are called, and
    tell depth, width and channels. Other networks are matched by name.

    Args:
        path: of the file, for errors.
        state: of `files.read`.
        spec: name of the network and the options that were given.
        epsilon: of the normalisation that is merged.

    Raises:
        UserError: a tensor is missing, of another shape, or belongs nowhere; the line names it as the file does.
    """
    if spec["name"] in CHAINS:
        options, named = CHAINS[spec["name"]](path, state, epsilon)
        spec = {**options, **spec}
    else:
        named = {}
    spec = denoisers.stored_spec(spec)
    check_network(spec, path)
    try:
        spec = {"name": spec["name"], "channels": denoisers.full_spec(spec)["channels"], **spec}
        network = denoisers.build(spec)
    except (ValueError, RuntimeError) as error:
        raise UserError(f"{spec['name']}: {error}; name another --network, or correct --option") from None
    expected = network.state_dict()
    named = named or _by_name(state, set(expected))
    _check(path, named, expected, spec)
    network.load_state_dict({name: tensor for name, (_, tensor) in named.items()})
    return network.eval(), spec


def _check(path: Path, named: Named, expected: State, spec: dict[str, Any]) -> None:
    what = ", ".join(f"{name} {value}" for name, value in spec.items() if name != "name")
    of = f"{spec['name']} with {what or 'its default options'}"
    todo = "name another --network, or its options with --option NAME=VALUE"
    for name, (theirs, tensor) in named.items():
        if name not in expected:
            raise UserError(f"{path}: {theirs!r} belongs nowhere in {of}; {todo}")
        if tensor.shape != expected[name].shape:
            shapes = f"is {tuple(tensor.shape)}, expected {tuple(expected[name].shape)}, as {name} of {of}"
            raise UserError(f"{path}: {theirs!r} {shapes}; {todo}")
    if missing := [name for name in expected if name not in named]:
        raise UserError(f"{path}: nothing for {missing[0]!r} of {of}; {todo}")


def _by_name(state: State, expected: set[str]) -> Named:
    """Tensors by name without the prefix that all of them share, such as `module.`."""
    prefix = ""
    while not expected & {name.removeprefix(prefix) for name in state}:
        first, dot, _ = next(iter(state)).removeprefix(prefix).partition(".")
        if not dot or not all(name.startswith(f"{prefix}{first}.") for name in state):
            prefix = ""
            break
        prefix += f"{first}."
    return {name.removeprefix(prefix): (name, tensor) for name, tensor in state.items()}


def _dncnn(path: Path, state: State, epsilon: float) -> tuple[dict[str, Any], Named]:
    rows = _convolutions(path, state, epsilon)
    return {"channels": len(rows[-1][1]), "depth": len(rows), "width": len(rows[0][1])}, _layers(rows)


def _ffdnet(path: Path, state: State, epsilon: float) -> tuple[dict[str, Any], Named]:
    if any("intermediate_dncnn" in name for name in state):  # the network of the IPOL article, a DnCNN on sub-images
        line = "of the FFDNet of IPOL, which predicts the noise and puts its level first"
        raise UserError(f"{path}: {line}; this project's is that of its authors, take weights for it")
    rows = _convolutions(path, state, epsilon)
    name, _, bias = rows[-1]
    if len(bias) not in (4, 12):
        raise UserError(f"{path}: {name!r} gives {len(bias)} channels, expected 4 or 12; name another --network")
    return {"channels": len(bias) // 4, "depth": len(rows), "width": len(rows[0][1])}, _layers(rows)


CHAINS: dict[str, Callable[[Path, State, float], tuple[dict[str, Any], Named]]] = {"dncnn": _dncnn, "ffdnet": _ffdnet}
Row = tuple[str, torch.Tensor, torch.Tensor]  # name of a convolution in the file, its weight, its bias


def _layers(rows: list[Row]) -> Named:
    """Convolutions as `layers`, where an activation stands between each two."""
    named: Named = {}
    for index, (name, weight, bias) in enumerate(rows):
        named[f"layers.{2 * index}.weight"] = (f"{name}.weight", weight)
        named[f"layers.{2 * index}.bias"] = (f"{name}.bias", bias)
    return named


def _convolutions(path: Path, state: State, epsilon: float) -> list[Row]:
    """The convolutions of a file in order, each with the normalisation behind it merged."""
    modules: dict[str, State] = {}
    for name, tensor in state.items():
        module, _, part = name.rpartition(".")
        modules.setdefault(module, {})[part] = tensor
    rows: list[Row] = []
    for module, parts in modules.items():
        weight = parts.get("weight")
        if {"running_mean", "running_var"} <= set(parts) <= NORMALISATION and rows:
            rows[-1] = _merged(path, module, parts, rows[-1], epsilon)
        elif weight is not None and weight.ndim == 4 and set(parts) <= {"weight", "bias"}:
            rows.append((module, weight, parts.get("bias", torch.zeros(len(weight)))))
        else:
            part = next((part for part in parts if part not in NORMALISATION), next(iter(parts)))
            found = f"{module}.{part}"
            raise UserError(f"{path}: {found!r} is of no convolution and no normalisation; name another --network")
    if not rows:
        raise UserError(f"{path}: no convolutions; name another --network")
    return rows


def _merged(path: Path, module: str, parts: State, row: Row, epsilon: float) -> Row:
    name, weight, bias = row
    if any(len(tensor) != len(weight) for part, tensor in parts.items() if part != "num_batches_tracked"):
        found = f"{module}.running_mean' has {len(parts['running_mean'])} values"
        raise UserError(f"{path}: '{found}, expected {len(weight)}, one a channel of {name!r}; name another --network")
    mean, variance = parts["running_mean"], parts["running_var"]
    scale, shift = parts.get("weight", torch.ones_like(mean)), parts.get("bias", torch.zeros_like(mean))
    merged = fuse_conv_bn_weights(weight, bias, mean, variance, epsilon, scale, shift)
    return name, merged[0].detach(), merged[1].detach()
