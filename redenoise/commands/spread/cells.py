"""What is measured: one method on one test set, with its images, its noise levels and the denoiser for each."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redenoise.dag import paths, provenance
from redenoise.dag.config import Config
from redenoise.dag.indexed import read_index, unavailable_reason
from redenoise.measure.denoising import DenoiserFor, dataset_title
from redenoise.measure.networks import Networks
from redenoise.models import filters
from redenoise.support.errors import UserError, choices
from stages.report.records import DIGITS


@dataclass(frozen=True)
class Cell:
    """One entry of `evaluations` or `filters` of params.yaml, ready to be measured.

    Attributes:
        title: of the data set, as the results name it.
        gray: whether its images are read as gray ones.
        images: rows of the index of the clean images.
        levels: noise levels.
        denoiser_for: see `redenoise.measure.denoising`.
        weights: first digits of the SHA-256 of the folder of weights; for a classical method, its version.
        networks: the networks of a learned denoiser.
    """

    key: str
    entry: dict[str, Any]
    title: str
    gray: bool
    images: list[dict[str, str]]
    levels: list[float]
    denoiser_for: DenoiserFor
    weights: str
    networks: Networks | None = None


def names(config: Config, only: list[str] | None) -> list[str]:
    """The cells to measure: those named, else all of learned denoisers; a classical one costs hours."""
    learned, known = config.keys("evaluate"), [*config.keys("evaluate"), *config.keys("filter")]
    for name in only or ():
        if name not in known:
            raise UserError(f"--only {name!r} is in neither evaluations nor filters; {choices(name, known)}")
    return list(dict.fromkeys(only)) if only else learned


def cell(config: Config, key: str) -> Cell | str:
    """One cell, or why there is nothing to measure.

    Raises:
        UserError: its images or its weights are missing, or are not what the stage that made them has recorded.
    """
    learned = key in config.keys("evaluate")
    entry = config.entry("evaluate" if learned else "filter", key)
    folder = paths.data(config.scale, entry["dataset"])
    sources = [folder, paths.weights(config.scale, entry["family"])] if learned else [folder]
    hashes = provenance.hash_inputs(config, sources)
    if reason := next(filter(None, map(unavailable_reason, sources)), None):
        return reason
    networks, missing = None, {}
    denoiser_for: DenoiserFor
    if learned:
        networks = networks_of(config, entry, sources[1])
        missing = networks.missing_levels()
        denoiser_for, weights = networks.denoiser_for, hashes[sources[1].as_posix()][:DIGITS]
    else:
        method = filters.load(entry["filter"])
        parts = filters.parts_of(method)
        denoiser_for, weights = filters.denoiser_for(method, parts), parts["version"]
    levels = entry.get("sigmas") or config.entry("synthesize", entry["dataset"])["sigmas"]
    if not (measured := [level for level in sorted(levels) if level not in missing]):
        return "; ".join(dict.fromkeys(missing.values()))
    title, gray = dataset_title(config, entry["dataset"]), config.entry("download", entry["dataset"])["channels"] == 1
    return Cell(key, entry, title, gray, read_index(folder), measured, denoiser_for, weights, networks)


def networks_of(config: Config, entry: dict[str, Any], folder: Path) -> Networks:
    """The networks of a folder of weights, as the stage `evaluate` uses them."""
    computing = {"mode": "reference", "threads": str(config.settings["threads"])}
    return Networks(folder, computing, entry.get("network", {}), entry.get("by_channel", False))
