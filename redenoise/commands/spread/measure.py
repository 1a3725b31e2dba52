"""Measure images under other seeds, with the code that fills the tables, and keep every value once it is there.

What is measured is one method on one test set, with its images, its noise levels and the denoiser for each.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

from redenoise.dag import paths, provenance
from redenoise.dag.config import Config
from redenoise.dag.indexed import checked_path, read_index, unavailable_reason
from redenoise.data.images import read_image
from redenoise.measure import items, metrics, noise
from redenoise.measure.denoising import DenoiserFor
from redenoise.measure.filtering import filtered
from redenoise.measure.inputs import LESS_MEMORY, dataset_title
from redenoise.measure.items import item_key, to_uint8
from redenoise.measure.metrics import psnr, ssim
from redenoise.measure.networks import Networks
from redenoise.measure.noise import add_noise
from redenoise.models import filters
from redenoise.support.errors import UserError, choices, during
from redenoise.support.files import sha256_bytes
from stages.report.records import DIGITS

METRICS = ("psnr", "ssim")


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
        denoiser_for, weights = filtered(method, parts), parts["version"]
    levels = entry.get("sigmas") or config.entry("synthesize", entry["dataset"])["sigmas"]
    if not (measured := [level for level in sorted(levels) if level not in missing]):
        return "; ".join(dict.fromkeys(missing.values()))
    title, gray = dataset_title(config, entry["dataset"]), config.entry("download", entry["dataset"])["channels"] == 1
    return Cell(key, entry, title, gray, read_index(folder), measured, denoiser_for, weights, networks)


def networks_of(config: Config, entry: dict[str, Any], folder: Path) -> Networks:
    """The networks of a folder of weights, as the stage `evaluate` uses them."""
    computing = {"mode": "reference", "threads": str(config.settings["threads"])}
    return Networks(folder, computing, entry.get("network", {}), entry.get("by_channel", False))


@contextmanager
def kept(scale: str, key: str) -> Iterator["Kept"]:
    """The values of one cell that earlier runs have measured; those added inside the block are kept too."""
    path = paths.build(scale) / "spread" / f"{key}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8", errors="replace") as stream:
        yield Kept(stream)


class Kept:
    """Measured values by the key of what each depends on: the values of one image, one for each metric.

    A file has a line for each image, with a hash of what it says. One that a kill has cut short, or that was changed
    since, is measured again.
    """

    def __init__(self, stream: IO[str]) -> None:
        stream.seek(0)
        self.values, self.stream = dict(filter(None, map(_parsed, stream))), stream

    def add(self, key: str, values: list[float]) -> None:
        """Keep the values of one image."""
        self.values[key] = values
        print("", json.dumps([key, values, _seal(key, values)]), sep="\n", file=self.stream, flush=True)


def image_key(cell: Cell, row: dict[str, str], sigma: float, seed: int, parts: dict[str, str]) -> str:
    """A key of all that the values of one image depend on, so that nothing out of date is taken up."""
    noisy = {"seed": seed, "dataset": cell.entry["dataset"], "image": row["id"], "clean": row["sha256"]}
    return item_key(**noisy, gray=cell.gray, sigma=f"{sigma:g}", measured=_code(), **parts)


def measured(
    cell: Cell, folder: Path, row: dict[str, str], sigma: float, seed: int, denoiser_for: DenoiserFor
) -> list[float]:
    """PSNR and SSIM of one image under one seed of the noise, with the six decimals of the results.

    Args:
        folder: of the clean images; its name is that of the data set.
    """
    clean = read_image(checked_path(folder, row), cell.gray)
    noisy = add_noise(clean, seed=seed, dataset=folder.name, image=row["id"], sigma=sigma)
    with during(f"{cell.key}: image {row['id']}, sigma {sigma:g}", LESS_MEMORY):
        image = to_uint8(denoiser_for(sigma)[0](noisy))
        if image.shape != clean.shape:
            raise UserError(f"denoised to {image.shape}, but the clean image is {clean.shape}; correct the network")
        return [round(value, 6) for value in (psnr(image, clean), ssim(image, clean))]


@cache
def _code() -> str:
    """Of the noise, and of all that happens to a denoised image."""
    files: list[Any] = [noise, items, metrics]
    return sha256_bytes(b"".join(Path(module.__file__).read_bytes() for module in files))


def _parsed(line: str) -> tuple[str, list[float]] | None:
    """Key and values of a line; None for one that is empty, damaged or changed."""
    try:
        key, values, seal = json.loads(line)
        return (key, values) if seal == _seal(key, values) else None
    except (ValueError, TypeError, RecursionError):
        return None


def _seal(key: str, values: list[float]) -> str:
    return sha256_bytes(json.dumps([key, values]).encode())[:20]
