"""Network weights as safetensors files that say which network they belong to."""

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from stages import networks
from stages.common.errors import UserError
from stages.common.files import atomic_open


def save_network(path: Path | str, network: nn.Module, spec: dict, origin: str) -> None:
    """Write a network's weights, atomically.

    Args:
        spec: the options from which `networks.build` makes this network.
        origin: one line that says where the weights come from (trained here, or the file they were imported from).
    """
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    # One entry only: safetensors writes several in an order that changes from process to process.
    metadata = {"redenoise": json.dumps({"network": spec, "origin": origin}, sort_keys=True)}
    with atomic_open(path) as stream:
        stream.write(save(state, metadata))


def load_network(path: Path | str, options: dict | None = None) -> tuple[nn.Module, dict]:
    """Read a file of `save_network`: the network in evaluation mode, and its spec.

    Args:
        options: replace those of the stored spec; for options that no weight depends on.

    Raises:
        UserError: the file is missing or damaged, or its tensors are not those of the network that it names.
    """
    try:
        with safe_open(path, framework="pt") as file:
            spec = {**json.loads(file.metadata()["redenoise"])["network"], **(options or {})}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except FileNotFoundError:
        raise UserError(f"{path}: these weights are missing; run the train stage first") from None
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: not a weight file of this project ({error}); run the train stage again") from None
    network = networks.build(spec)
    load_state(network, state, path)
    return network.eval(), spec


def load_state(network: nn.Module, state: dict, path: Path | str) -> None:
    """Put `state` into `network`; raises `UserError` if a tensor is missing, unknown or of another shape."""
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        first = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise UserError(f"{path}: weights do not fit the network that the entry describes: {first}") from None
