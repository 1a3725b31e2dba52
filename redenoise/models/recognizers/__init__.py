"""Networks of the high-level tasks, one file each, and importers of their published weights.

Every module that defines one has a function `build(**options)` that returns a `TaskNetwork`, which
redenoise/models/recognizers/base.py describes; options that its `STORED` names are replaced where its weights are
stored. A new task network is one new file here and one entry under `tasks` in params.yaml.
"""

import importlib
from pathlib import Path

import torch

from redenoise.models.recognizers.base import TaskNetwork
from redenoise.support.errors import UserError, choices

__all__ = ["TaskNetwork", "build", "names", "published", "source", "stored_spec"]


def names() -> list[str]:
    """The modules of this package that define a network."""
    files = sorted(Path(__file__).parent.glob("[a-z]*.py"))
    return [file.stem for file in files if "\ndef build(" in file.read_text(encoding="utf-8")]


def build(spec: dict) -> TaskNetwork:
    """The task network that `spec` describes: `name` is a module of this package, the rest are its options.

    Raises:
        UserError: no module of that name defines a network, or an option is not one of its own.
        Unavailable: an option names published weights that are nowhere.
    """
    options = dict(spec)
    name = options.pop("name", None)
    if name not in names():
        line = f"task network {name!r} is not known; {choices(name, names())}"
        raise UserError(f"{line}; correct its entry under tasks in params.yaml")
    try:
        return importlib.import_module(f"{__name__}.{name}").build(**options)
    except TypeError as error:
        raise UserError(f"task network {name!r}: {error}; correct its entry under tasks in params.yaml") from None


def source(name: str) -> Path:
    """The file that defines a network."""
    return Path(__file__).parent / f"{name}.py"


def stored_spec(spec: dict) -> dict:
    """The options of a network as it is stored: those of its module's `STORED`, if it has any, replace its own."""
    return {**spec, **getattr(importlib.import_module(f"{__name__}.{spec['name']}"), "STORED", {})}


def published(spec: dict, network: TaskNetwork, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors of a published file under the names of a network, as `published` of its module says.

    Raises:
        UserError: the module does not say it.
    """
    module = importlib.import_module(f"{__name__}.{spec['name']}")
    if not hasattr(module, "published"):
        line = f"{source(spec['name'])}: has no `published`, which names the tensors of published weights"
        raise UserError(f"{line}; write it, or correct `start` under tasks in params.yaml")
    return module.published(network, state)
