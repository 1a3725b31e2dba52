"""Trained weights that a task uses as they are, or starts from."""

from pathlib import Path
from typing import Any

from torchvision import models

from redenoise.dag import paths
from redenoise.dag.indexed import CARD, checked_path, read_index
from redenoise.models import recognizers
from redenoise.models.weights import load_network, load_state
from redenoise.sources.provide import MIRROR_VARIABLE
from redenoise.sources.torchvision import FOLDER, provide, read_state
from redenoise.support.errors import Unavailable, UserError, damage_explained
from redenoise.support.files import read_json

CONVERTED = paths.STORE / "tasks"  # weights of task networks that `redenoise convert` has written
OF_NO_WEIGHT = ("dropout",)  # options of a network that its weights do not depend on


def trained_network(spec: dict[str, Any], name: str, downloads: bool) -> tuple[recognizers.TaskNetwork, str]:
    """A task network with trained weights as they are, and where these come from.

    Args:
        spec: of the network.
        name: weights of torchvision, such as `VGG16_Weights.IMAGENET1K_V1`, or converted ones in data/tasks/.
        downloads: whether torchvision's may be downloaded.

    Raises:
        Unavailable: the weights are nowhere.
        UserError: they are damaged, or of another network.
    """
    if "." not in name:
        path = _converted(name)
        return _stored_network(spec, path), f"converted weights {path.name}"
    network, path = recognizers.build(spec), _published(name, downloads)
    load_state(network, read_state(path), path)
    return network, f"published weights {path.name}"


def placed_network(spec: dict[str, Any], name: str, folder: Path) -> tuple[recognizers.TaskNetwork, dict[str, Any]]:
    """A task network with weights that another node has put in place, and how these came to be.

    Args:
        name: id of the weights in `folder`: released ones, or published ones, of whose tensors the network's module
            says which is which.

    Raises:
        Unavailable: they are not released.
        UserError: they are not there, damaged, or of another network.
    """
    rows = {row["id"]: row for row in read_index(folder)}
    if name not in rows and folder.name == paths.RELEASED:
        raise Unavailable(f"no weights {name} are released yet")
    if not rows:
        raise Unavailable(f"no weights {name} at this scale")
    if name not in rows:
        line = f"{folder}: no weights {name!r}; found {', '.join(rows) or 'none'}"
        raise UserError(f"{line}; correct tasks in params.yaml")
    path = checked_path(folder, rows[name])
    if folder.name == paths.RELEASED:
        return _stored_network(spec, path), read_json(path.with_suffix(".json"), dict, CARD)
    network = recognizers.build(spec)
    with damage_explained(path, f"not weights of a {spec['name']}", "correct `weights` of the task in params.yaml"):
        state = recognizers.published(spec, network, read_state(path))
    load_state(network, state, path)
    return network, {"origin": f"published weights {path.name}"}


def _stored_network(spec: dict[str, Any], path: Path) -> recognizers.TaskNetwork:
    network, stored = load_network(path, build=recognizers.build)
    differing = [key for key in spec if key not in OF_NO_WEIGHT and stored.get(key, spec[key]) != spec[key]]
    if differing:
        key = differing[0]
        line = f"{path}: stored with {key} {stored[key]!r}, but the task's network has {spec[key]!r}"
        raise UserError(f"{line}; correct `weights` or `network` in params.yaml")
    return network


def start_from(network: recognizers.TaskNetwork, folder: Path) -> str:
    """Put the convolutions that a task network shares with the one of another task into it; returns what was taken.

    Args:
        folder: of the other task.

    Raises:
        UserError: the other network is missing or damaged, or shares no convolution with this one.
    """
    path = folder / "model.safetensors"
    state, own = load_network(path, build=recognizers.build)[0].state_dict(), network.state_dict()
    shared = {key: value for key, value in state.items() if key in own and own[key].shape == value.shape}
    if not any(value.ndim == 4 for value in shared.values()):
        raise UserError(f"{path}: no convolution of the task's network is in it; correct `start` in params.yaml")
    load_state(network, {**own, **shared}, path)
    return f"{len(shared)} of {len(own)} tensors of {folder.name}"


def _converted(name: str) -> Path:
    path = CONVERTED / f"{name}.safetensors"
    if not path.is_file():
        line = f"{path}: not found, expected converted weights"
        raise Unavailable(f"{line}; write them with `redenoise convert`")
    return path


def _published(name: str, downloads: bool) -> Path:
    try:
        url = models.get_weight(name).url
    except (ValueError, AttributeError):
        line = f"weights {name!r} are not known to torchvision, expected a name such as VGG16_Weights.IMAGENET1K_V1"
        raise UserError(f"{line}; correct tasks in params.yaml") from None
    try:
        return provide(url, downloads)
    except Unavailable:  # in words that are the same on every machine: reports repeat them
        file = url.rsplit("/", 1)[1]
        line = f"{file}: not in {MIRROR_VARIABLE}/{FOLDER}/ or {paths.STORE / FOLDER}/"
        raise Unavailable(f"{line}; put it there, it is torchvision's {name}") from None
