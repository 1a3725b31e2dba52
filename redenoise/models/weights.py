"""Network weights as safetensors files that say which network they belong to."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, overload

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import nn
from torch.nn.modules.module import (
    register_module_buffer_registration_hook,
    register_module_parameter_registration_hook,
)

from redenoise.models import denoisers
from redenoise.support.errors import Unavailable, UserError, damage_explained, out_of_memory
from redenoise.support.files import atomic_open, plain
from redenoise.support.shapes import without_memory

Network = TypeVar("Network", bound=nn.Module)
LARGEST = 100_000  # of the numbers in a network's description
SPARE = 4  # times the tensors of a file that building its network may make: some are made to be replaced


def save_network(path: Path | str, network: nn.Module, spec: dict, origin: str, precision: str = "float32") -> None:
    """Write a network's weights, atomically.

    Args:
        spec: the options from which `denoisers.build`, or `recognizers.build`, makes this network.
        origin: one line that says where the weights come from (trained here, or the file they were imported from).
        precision: of tensors with more than one dimension, `float32` or `float16`; biases and normalisation, which take
            no room, keep theirs.
    """
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    if precision == "float16":
        state = {name: tensor.half() if tensor.ndim > 1 else tensor for name, tensor in state.items()}
    # One entry only: safetensors writes several in an order that changes from process to process.
    metadata = {"redenoise": json.dumps({"network": spec, "origin": origin}, sort_keys=True)}
    with atomic_open(path) as stream:
        stream.write(save(state, metadata))


@overload
def load_network(path: Path | str, options: dict | None = None) -> tuple[nn.Module, dict]: ...
@overload
def load_network(
    path: Path | str, options: dict | None = None, *, build: Callable[[dict], Network]
) -> tuple[Network, dict]: ...
def load_network(
    path: Path | str, options: dict | None = None, build: Callable[[dict], nn.Module] = denoisers.build
) -> tuple[nn.Module, dict]:
    """Read a file of `save_network`: the network in evaluation mode, and its spec.

    Args:
        options: replace those of the stored spec; for options that no weight depends on.
        build: makes the network from its spec; `recognizers.build` for one of a high-level task.

    Raises:
        UserError: the file is missing or damaged, or its tensors are not those of the network that it names, or not
            finite.
    """
    plain(path)
    try:
        with damage_explained(path, "not a weight file of this project", "run the train stage again"):
            with safe_open(path, framework="pt") as file:
                spec = {**json.loads(file.metadata()["redenoise"])["network"], **(options or {})}
                state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            _bounded(build, spec, state)
            network = _built(build, spec, path)
    except FileNotFoundError:
        raise UserError(f"{path}: these weights are missing; run the train stage first") from None
    load_state(network, state, path)
    return network.eval(), spec


def _bounded(build: Callable[[dict], nn.Module], spec: dict, state: dict[str, torch.Tensor]) -> None:
    """Raise `ValueError` if a spec describes a network that is far larger than what the file holds.

    It is built without memory, and no further than a few times the tensors of the file.
    """
    numbers = [part for value in spec.values() for part in (value if isinstance(value, list) else [value])]
    if wrong := [part for part in numbers if isinstance(part, int | float) and not abs(part) <= LARGEST]:
        raise ValueError(f"an option of its network is {wrong[0]:g}, expected at most {LARGEST}")
    left = {
        "tensors": SPARE * len(state) + 1000,
        "values": SPARE * sum(map(torch.Tensor.numel, state.values())) + 10**7,
    }

    def count(module: nn.Module, name: str, tensor: torch.Tensor | None) -> None:
        left["tensors"] -= 1
        left["values"] -= 0 if tensor is None else tensor.numel()
        if min(left.values()) < 0:
            raise TooLarge("its network is described as far larger than the tensors that it holds")

    hooks = [register_module_parameter_registration_hook(count), register_module_buffer_registration_hook(count)]
    try:
        with without_memory():
            build(spec)
    except TooLarge:
        raise
    except Exception:  # what else is wrong with it shows when it is built
        pass
    finally:
        for hook in hooks:
            hook.remove()


class TooLarge(ValueError):
    """A network that is described as larger than it can be."""


def _built(build: Callable[[dict], nn.Module], spec: dict, path: Path | str) -> nn.Module:
    """The network of a stored spec, which is as likely to be damaged as the rest of the file."""
    try:
        return build(spec)
    except Unavailable:
        raise
    except (UserError, RuntimeError) as error:
        if out_of_memory(error):
            raise
        raise UserError(f"{path}: {error}, or run the stage again that made this file") from None


def load_state(network: nn.Module, state: dict, path: Path | str) -> None:
    """Put `state` into `network`.

    Raises:
        UserError: a tensor is missing, unknown, of another shape, or holds a value that is infinite or no number.
    """
    for name, tensor in state.items():
        if not (tensor.is_complex() or tensor.float().isfinite().all()):
            raise UserError(f"{path}: tensor {name!r} has values that are infinite or no numbers; get it again")
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        first = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise UserError(f"{path}: weights do not fit the network that the entry describes: {first}") from None
