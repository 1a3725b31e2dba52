"""Parameters and reach of the networks: `python -m stages.architecture [--scale SCALE]`.

Output: `build/<scale>/results/architecture.csv`, by name of a family, a filter, or a network that is only counted:

- `params`: all parameters of the network as it is stored; of the proposed networks, those that table I of Liu et al.
  2020 counts.
- `params_without_bias`: of them, all but the biases of convolutions.
- `receptive_field`, `effective_patch_size`: side of the square of input pixels that a result draws on.

Always the networks of params.yaml, also where a scale trains miniatures of them: a count needs neither data nor time.
"""

from collections.abc import Iterator
from typing import Any

from torch import nn

from redenoise.dag import paths, provenance
from redenoise.dag.config import Config
from redenoise.dag.results import write_results
from redenoise.models import denoisers
from redenoise.models.denoisers.multiscale import MultiScale, count_parameters
from redenoise.support.shapes import without_memory
from stages.architecture.counted import networks
from stages.architecture.receptive import receptive_field
from stages.architecture.windows import OF_PATCHES, sizes

UNITS = {"params": "count", "params_without_bias": "count", "receptive_field": "px", "effective_patch_size": "px"}
CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


def run(config: Config) -> None:
    """Write what there is to say of every network and filter without an image."""
    families = config.params["families"]
    with provenance.recorded(config, "architecture"):
        found = [*_counts(families), *_fields(families)]
        found += [(name, "effective_patch_size", side) for name, side in sizes(families)]
        rows = [
            {"dataset": "", "item": item, "condition": "", "method": "", "metric": metric, "unit": UNITS[metric]}
            | {"value": str(value)}
            for item, metric, value in found
        ]
        write_results(paths.results(config.scale, "architecture"), rows)


def _counts(families: dict[str, Any]) -> Iterator[tuple[str, str, int]]:
    with without_memory():
        found = {key: denoisers.build(denoisers.stored_spec(entry["network"])) for key, entry in families.items()}
        found |= networks()
    for name, network in found.items():
        if not _size(network):  # EPLL: its prior is fitted, and no parameter of a training
            continue
        proposed = isinstance(network, MultiScale)
        yield name, "params", count_parameters(network) if proposed else _size(network)
        if not proposed:
            layers = (layer for layer in network.modules() if isinstance(layer, CONVOLUTIONS))
            biases = sum(layer.bias.numel() for layer in layers if layer.bias is not None)
            yield name, "params_without_bias", _size(network) - biases


def _size(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def _fields(families: dict[str, Any]) -> Iterator[tuple[str, str, int]]:
    for key, entry in families.items():
        if entry["network"]["name"] in OF_PATCHES:
            continue
        side = receptive_field(denoisers.build(entry["network"]), entry["network"].get("channels", 1))
        if side is not None:
            yield key, "receptive_field", side
