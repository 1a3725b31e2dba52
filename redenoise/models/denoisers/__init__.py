"""Network definitions, one file each, and importers of published weights.

Every module that defines a denoiser has a function `build(**options)` that returns a `torch.nn.Module` with

    forward(noisy, sigma) -> denoised

where `noisy` and `denoised` are float32 (N, C, H, W) on the [0, 1] scale and `sigma` is float32 (N,) on the same
scale. A network that is blind to the noise level ignores `sigma`. In training mode the output may be smaller by the
same margin on all sides; it is then compared with the centre of the clean patch. A network with a method `folded()` is
stored as what that returns, with the options that `STORED` of its module replaces. A new denoiser is one new file here
and one entry under `families` in params.yaml.
"""

import importlib
import inspect
import pkgutil
from pathlib import Path

from torch import nn

from redenoise.support.errors import UserError
from redenoise.support.shapes import without_memory


def build(spec: dict) -> nn.Module:
    """The network that `spec` describes: `name` is a module of this package, the rest are its options.

    Raises:
        UserError: no module of that name defines a network, or an option is not one of its own.
    """
    options = dict(spec)
    name = options.pop("name")
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    module = importlib.import_module(f"{__name__}.{name}") if name in names else None
    make = getattr(module, "build", None)
    if make is None:
        raise UserError(
            f"network {name!r} is not known; expected a module redenoise/models/denoisers/{name}.py with build()"
        )
    try:
        return make(**options)
    except TypeError as error:
        raise UserError(f"network {name!r}: {error}; correct its entry under families in params.yaml") from None


def source(name: str) -> Path:
    """The file that defines a network: part of what everything that it computes depends on."""
    return Path(__file__).parent / f"{name}.py"


def stored_spec(spec: dict) -> dict:
    """The options of a network as it is stored: those of its module's `STORED`, if it has any, replace its own."""
    return {**spec, **getattr(importlib.import_module(f"{__name__}.{spec['name']}"), "STORED", {})}


def full_spec(spec: dict) -> dict:
    """`spec` with every option that it leaves at its default; raises `UserError` like `build`."""
    with without_memory():
        options = inspect.signature(type(build(spec))).parameters.values()
    return {**{option.name: option.default for option in options}, **spec}


def check_same(path: object, released: dict, wanted: dict, but: tuple[str, ...]) -> None:
    """Raise `UserError` if released weights are of another network than the one that is wanted.

    Args:
        path: names the weights.
        released, wanted: specs.
        but: options that may differ.
    """
    found, expected = full_spec(released), full_spec(wanted)
    for name in sorted(set(found) | set(expected)):
        if name not in but and found.get(name) != expected.get(name):
            line = f"{path}: released with {name} {found.get(name)!r}, but the family's network has"
            raise UserError(f"{line} {expected.get(name)!r}; choose other weights, or restore the entry in params.yaml")
