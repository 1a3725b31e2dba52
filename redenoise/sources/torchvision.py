"""Files of weights as torchvision publishes them: found, checked, and read without running anything in them."""

import os
import re
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torchvision import models

from redenoise.dag import paths
from redenoise.sources.fetch import fetched
from redenoise.sources.provide import mirror
from redenoise.support.errors import Unavailable, UserError, choices, damage_explained
from redenoise.support.files import plain, sha256_file
from redenoise.support.locks import exclusive

FOLDER = "torchvision"  # of these files, in data/ and in a mirror
MAX_BYTES = 3 << 30  # torchvision's largest file has 2.6 GB
_HASH = re.compile(r"-([0-9a-f]{8,64})\.pth")


def entry(model: str, name: str) -> models.WeightsEnum:
    """The weights that torchvision publishes for `model` under `name`, such as IMAGENET1K_V1 or DEFAULT.

    Raises:
        UserError: it publishes none of that name.
    """
    known = models.get_model_weights(model).__members__
    if name not in known:
        line = f"task network 'plugin': weights {name!r} of {model} are not known"
        raise UserError(f"{line}; {choices(name, known)}, or a file that ends in .pth; correct it in params.yaml")
    return known[name]


def entry_of(model: str, path: Path | str) -> models.WeightsEnum | None:
    """The published weights of `model` that the file at `path` is named after, or None."""
    known = models.get_model_weights(model).__members__.values()
    return next((weights for weights in known if weights.url.rsplit("/", 1)[1] == Path(path).name), None)


def provide(url: str, fetch: bool = False) -> Path:
    """The file that torchvision publishes at `url`: from the mirror, from data/torchvision/, or from there.

    Args:
        fetch: whether it may be downloaded, to data/torchvision/.

    Raises:
        Unavailable: the file is nowhere.
        UserError: a file of this name is not what its name says, by the beginning of its SHA-256.
    """
    name = url.rsplit("/", 1)[1]
    root, target = mirror(), paths.STORE / FOLDER / name
    folders = ([root / FOLDER] if root else []) + [target.parent]
    for folder in folders:
        if (folder / name).is_file():
            return checked(folder / name)
    if not fetch:
        line = f"{name}: not in {' or '.join(map(str, folders))}"
        raise Unavailable(f"{line}; put it there, from {url}")
    with exclusive(paths.shared_lock(FOLDER), FOLDER):
        if not target.is_file():
            os.replace(fetched(url, target, MAX_BYTES, partial(_problem, name=name)), target)
        return target


def checked(path: Path) -> Path:
    """`path`, once the SHA-256 of the file begins as its name says; raises `UserError` if it does not."""
    found = _problem(path, path.name)
    if found:
        raise UserError(f"{path}: {found}; delete it and get it again")
    return path


def read_state(path: Path | str) -> dict[str, torch.Tensor]:
    """The tensors of a file of PyTorch by name; nothing in the file is executed.

    Raises:
        UserError: the file is missing, too large or damaged, or holds something else.
    """
    path = Path(path)
    plain(path)
    try:
        size = plain(path).stat().st_size
    except FileNotFoundError:
        raise UserError(f"{path}: not found; correct `weights` in params.yaml, or put the file there") from None
    if size > MAX_BYTES:
        raise UserError(f"{path}: {size} bytes, expected at most {MAX_BYTES}; choose other weights")
    with damage_explained(path, "not a readable file of PyTorch", "delete it and get it again"):
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    named = isinstance(found, dict) and all(isinstance(name, str) for name in found)
    if not named or not all(isinstance(value, torch.Tensor) for value in found.values()):
        raise UserError(f"{path}: holds no state of a network, expected tensors by name; choose other weights")
    return found


def _problem(path: Path, name: str) -> str | None:
    """What keeps the file at `path` from being the one that is published as `name`; None if nothing does."""
    expected = _HASH.search(name)
    if expected is None:
        return "its name does not hold its SHA-256, as those of torchvision do"
    found = sha256_file(path)
    return None if found.startswith(expected[1]) else f"SHA-256 begins {found[:8]}, its name says {expected[1]}"
