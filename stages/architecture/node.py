"""Parameters and reach of the networks: `python -m stages.architecture [--scale SCALE]`.

Output: `build/<scale>/results/architecture.csv`, by name of a family, of its network where it has `variants`
(`<family>-<model>`), of a filter, or of a network that is only counted:

- `params`: all parameters of the network as it is stored; of the proposed networks, those that table I of Liu et al.
  2020 counts.
- `params_without_bias`: of them, all but the biases of convolutions.
- `activation_params`: of those, what belongs to activations: the gates of xUnits.
- `receptive_field`, `effective_patch_size`: side of the square of input pixels that a result draws on.

Always the networks of params.yaml, also where a scale trains miniatures of them: a count needs neither data nor time.
Those of `variants` are counted as this scale makes them too, as `<family>/<model>`: figures put PSNR against that.
"""

from collections.abc import Iterator
from typing import Any

from torch import nn

from redenoise.dag import paths, provenance
from redenoise.dag.config import Config
from redenoise.dag.levels import varied
from redenoise.dag.results import write_results
from redenoise.models import denoisers
from redenoise.models.denoisers.multiscale import MultiScale, count_parameters
from redenoise.models.denoisers.xdncnn import XUnit
from redenoise.support.shapes import without_memory
from stages.architecture.counted import networks
from stages.architecture.receptive import receptive_field
from stages.architecture.windows import OF_PATCHES, sizes

UNITS = dict.fromkeys(("params", "params_without_bias", "activation_params"), "count")
UNITS |= dict.fromkeys(("receptive_field", "effective_patch_size"), "px")
Count = tuple[str, str, int]  # name, metric, value
CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


def run(config: Config) -> None:
    """Write what there is to say of every network and filter without an image."""
    families = config.params["families"]
    specs = {name: spec for key, entry in families.items() for name, spec in _specs(key, entry)}
    with provenance.recorded(config, "architecture"):
        found = [*counts(specs | made(config)), *_fields(specs), *_patches(families)]
        rows = [
            {"dataset": "", "item": item, "condition": "", "method": "", "metric": metric, "unit": UNITS[metric]}
            | {"value": str(value)}
            for item, metric, value in found
        ]
        write_results(paths.results(config.scale, "architecture"), rows)


def _specs(key: str, family: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The networks of a family by its name, and with `variants` by theirs behind it."""
    for model, options in varied(family).items():
        yield f"{key}-{model}" if options else key, {**family["network"], **options}


def made(config: Config) -> dict[str, dict[str, Any]]:
    """The networks of all families with `variants` as a scale makes them."""
    entries = {key: config.entry("train", key) for key in config.keys("train")}
    return {
        f"{key}/{model}": {**config.network(entry), **options}
        for key, entry in entries.items()
        if "variants" in entry
        for model, options in varied(entry).items()
    }


def counts(specs: dict[str, dict[str, Any]]) -> Iterator[Count]:
    """What there is to count of some networks, and of those of no family."""
    with without_memory():
        found = {name: denoisers.build(denoisers.stored_spec(spec)) for name, spec in specs.items()} | networks()
    for name, network in found.items():
        if isinstance(network, MultiScale):
            yield name, "params", count_parameters(network)
        elif size := _size(network):  # EPLL: its prior is fitted, and no parameter of a training
            yield name, "params", size
            yield name, "params_without_bias", size - _biases(network)
            gates = [module.gate for module in network.modules() if isinstance(module, XUnit)]
            yield name, "activation_params", sum(_size(gate) - _biases(gate) for gate in gates)


def _size(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def _biases(network: nn.Module) -> int:
    layers = (layer for layer in network.modules() if isinstance(layer, CONVOLUTIONS))
    return sum(layer.bias.numel() for layer in layers if layer.bias is not None)


def _fields(specs: dict[str, dict[str, Any]]) -> Iterator[Count]:
    for name, spec in specs.items():
        if spec["name"] not in OF_PATCHES:
            side = receptive_field(denoisers.build(spec), spec.get("channels", 1))
            if side is not None:
                yield name, "receptive_field", side


def _patches(families: dict[str, Any]) -> Iterator[Count]:
    for name, side in sizes(families):
        yield name, "effective_patch_size", side
