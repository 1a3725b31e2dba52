"""Every denoiser and filter by name: which noise levels it takes, and how one picture goes through it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from torch import nn

from redenoise.commands.denoise.tiles import ByChannel, Tiled
from redenoise.dag import options, paths
from redenoise.dag.config import Config
from redenoise.dag.levels import against_noise, noise_ranges
from redenoise.measure import apply
from redenoise.measure.torch_mode import device
from redenoise.models import denoisers, filters
from redenoise.models.weights import load_network, load_state
from redenoise.sources.provide import found_nearby, provide
from redenoise.sources.stores import load_items, load_store, subset_path
from redenoise.support.errors import Unavailable, UserError, choices
from stages.released.node import checked

Denoiser = Callable[[np.ndarray], np.ndarray]  # (H, W[, 3]) on the [0, 255] scale to the same


@dataclass(frozen=True)
class Method:
    """One way to denoise.

    Attributes:
        name: of a family, or of a module of redenoise/models/filters.
        ranges: lowest and highest noise level of each of a family's networks with weights; empty for a filter.
        color: takes colour pictures only; a gray network is taken to each channel.
        load: makes the denoiser of one noise level for pictures that are gray, or not; weights are read once.
        missing: what to put where before it can be used, where its weights are put there by hand; else empty.
    """

    name: str
    ranges: dict[str, list]
    color: bool
    load: Callable[[float, bool], Denoiser]
    missing: str = ""

    @property
    def levels(self) -> str:
        """The noise levels that it takes, in words."""
        if not self.ranges:
            return "any sigma above 0"
        parts = [f"{low:g}" if low == high else f"{low:g} to {high:g}" for low, high in self.ranges.values()]
        return f"sigma {', '.join(parts)}"

    def level_for(self, sigma: float, estimated: bool) -> float:
        """The level to denoise at: the one asked for, or the nearest one to an estimate.

        Raises:
            UserError: one was asked for that it has no weights for.
        """
        if not self.ranges or any(low <= sigma <= high for low, high in self.ranges.values()):
            return sigma
        if estimated:
            return float(min((level for ends in self.ranges.values() for level in ends), key=lambda x: abs(x - sigma)))
        line = f"{self.name} has no weights for sigma {sigma:g}, but for {self.levels}"
        raise UserError(f"{line}; take one of these, or another method of `redenoise denoise --list`")


def methods(config: Config) -> dict[str, Method]:
    """All families against noise with published or released weights, and all filters, by name."""
    found = {}
    for key, entry in config.params["families"].items():
        if not against_noise(entry):
            continue
        if ranges := {model: levels for model, levels in noise_ranges(entry).items() if model in entry["published"]}:
            color, load = entry["network"]["channels"] == 3, _family(config, entry, ranges)
            found[key] = Method(key, ranges, color, load, _missing(config, entry))
    return found | {name: Method(name, {}, False, _filter(name)) for name in options.names("filters")}


def method(config: Config, name: str) -> Method:
    """One method by name; raises `UserError` if there is none, or its package is not installed."""
    known = methods(config)
    if name in known:
        if not known[name].ranges:
            filters.load(name).version()
        return known[name]
    if (family := config.params["families"].get(name)) and not against_noise(family):
        line = f"method {name!r}: restores what {family['degradation']} has done, not noise"
        raise UserError(f"{line}; {choices(name, known)}")
    if name in config.params["families"]:
        raise UserError(f"method {name!r}: no weights are published or released yet; {choices(name, known)}")
    raise UserError(f"no method {name!r}; {choices(name, known)}")


def _missing(config: Config, entry: dict) -> str:
    """What to put where before a family's weights can be taken; empty if they are here, or fetched when needed."""
    if entry["weights"] == paths.RELEASED:
        return ""
    store = load_store(config.entry("download", entry["weights"])["store"])
    try:
        files = [item.file for item in load_items(entry["weights"], store)]
    except Unavailable as error:  # nobody has listed them
        return str(error)
    return "" if found_nearby(store, files) else store.by_hand


def _filter(name: str) -> Callable[[float, bool], Denoiser]:
    return lambda sigma, gray: lambda noisy: filters.denoise(filters.load(name), noisy, sigma)


def _family(config: Config, entry: dict, ranges: dict[str, list]) -> Callable[[float, bool], Denoiser]:
    @cache
    def placed(model: str) -> tuple[Path, nn.Module]:
        path = weights_file(config, entry, entry["published"][model])
        return path, Tiled(_network(entry, path), entry["network"]["name"], device())

    def load(sigma: float, gray: bool) -> Denoiser:
        path, network = placed(next(model for model, (low, high) in ranges.items() if low <= sigma <= high))
        fits = gray or entry["network"]["channels"] == 3
        denoiser = network if fits else ByChannel(network)
        return lambda noisy: _finite(path, apply.denoise(denoiser, noisy, sigma))

    return load


def weights_file(config: Config, entry: dict, name: str) -> Path:
    """A file of a family's weights, checked against the committed SHA-256; a published one is fetched if need be."""
    if entry["weights"] == paths.RELEASED:
        path = paths.WEIGHTS / f"{name}.safetensors"
        checked(path)
        return path
    key = entry["weights"]
    store = load_store(config.entry("download", key)["store"])
    files = {item.id: item.file for item in load_items(key, store)}
    if name not in files:
        raise UserError(f"{subset_path(key)}: no weights {name!r}; {choices(name, files)}; correct `published`")
    provide(store, [files[name]])
    return files[name].target


def _network(entry: dict, path: Path) -> nn.Module:
    if path.suffix == ".safetensors":
        return load_network(path)[0]
    from redenoise.training.imports import IMPORTERS  # here: readers of MATLAB files take half a second

    network = denoisers.build(denoisers.stored_spec(entry["network"]))
    load_state(network, IMPORTERS[entry["network"]["name"]](path), path)
    return network.eval()


def _finite(path: Path, image: np.ndarray) -> np.ndarray:
    if not np.isfinite(image).all():
        raise UserError(f"{path}: the network gives values that are no numbers; get its weights again")
    return image
