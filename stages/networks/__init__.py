"""Network definitions, one file each, and importers of published weights.

Every module that defines a denoiser has a function `build(**options)` that returns a `torch.nn.Module` with

    forward(noisy, sigma) -> denoised

where `noisy` and `denoised` are float32 (N, C, H, W) on the [0, 1] scale and `sigma` is float32 (N,) on the same
scale. A network that is blind to the noise level ignores `sigma`. In training mode the output may be smaller by the
same margin on all sides; it is then compared with the centre of the clean patch. A network with a method `folded()` is
stored as what that returns. A new denoiser is one new file here and one entry under `families` in params.yaml.
"""

import importlib
import pkgutil

from torch import nn

from stages.common.errors import UserError


def build(spec: dict) -> nn.Module:
    """The network that `spec` describes: `name` is a module of this package, the rest are its options.

    Raises:
        UserError: no module of that name defines a network, or an option is not one of its own.
    """
    options = dict(spec)
    name = options.pop("name")
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    module = importlib.import_module(f"{__name__}.{name}") if name in names else None
    if not hasattr(module, "build"):
        raise UserError(f"network {name!r} is not known; expected a module stages/networks/{name}.py with build()")
    try:
        return module.build(**options)
    except TypeError as error:
        raise UserError(f"network {name!r}: {error}; correct its entry under families in params.yaml") from None
