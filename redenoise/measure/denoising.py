"""Denoise a noisy set with one method and measure every image."""

import zipfile
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.dag.indexed import INDEX, checked_path, read_index, unavailable_reason
from redenoise.dag.results import write_results
from redenoise.dag.shards import Work
from redenoise.data.images import read_image
from redenoise.measure.items import denoised_item, item_key
from redenoise.measure.metrics import psnr, ssim
from redenoise.support.errors import UserError
from redenoise.support.files import plain
from redenoise.support.progress import progress

# From a noise level to the denoiser for it, (noisy) -> denoised, both (H, W[, 3]) on the [0, 255] scale, and to what
# the denoised image depends on besides the noisy one: names to values, part of the key of a kept image.
DenoiserFor = Callable[[float], tuple[Callable[[np.ndarray], np.ndarray], dict[str, str]]]


def input_folders(config: Config, entry: dict) -> tuple[Path, Path]:
    """Folders of the noisy and of the clean images that a run reads."""
    return paths.noisy(config.scale, entry["dataset"]), paths.data(config.scale, entry["dataset"])


def measure(
    config: Config,
    stage: str,
    key: str,
    denoiser_for: DenoiserFor,
    work: Work,
    without: Collection[float] = (),
) -> None:
    """Write the results of one run as long-format CSV, one row per image, noise level and metric.

    A shard denoises its share of the images at all noise levels together, and leaves the rest to the whole run.

    Args:
        work: what to do of it; says in the end why nothing could be measured, if so. The CSV then has a header only.
        without: noise levels to leave out.
    """
    entry = config.entry(stage, key)
    noisy, clean = input_folders(config, entry)
    rows = read_index(noisy, ("sigma", "clean", "clean_sha256"))
    if wrong := next((row["sigma"] for row in rows if not row["sigma"].replace(".", "", 1).isdecimal()), None):
        raise UserError(f"{noisy / INDEX}: damaged, sigma is {wrong!r}; delete it and run the synthesize stage again")
    index = work.share([row for row in rows if _wanted(entry, float(row["sigma"]), without)])
    results = []
    for row in progress(index, len(index), work.label(f"{stage} {key}")):
        image = _denoise(paths.items(config.scale, key), noisy, row, work, *denoiser_for(float(row["sigma"])))
        if work.shard is None:
            results += _measured(config, entry, row, image, noisy, clean)
    if work.shard is None:
        write_results(paths.results(config.scale, key), results)
    if reason := unavailable_reason(noisy):
        work.record["unavailable"] = reason


def nothing(config: Config, key: str, work: Work, reason: str) -> None:
    """Leave a node without results, and say why."""
    if work.shard is None:
        write_results(paths.results(config.scale, key), [])
    work.record["unavailable"] = reason


def left_out(config: Config, entry: dict) -> str:
    """Why a scale does not measure an entry, empty if it does."""
    if not entry.get("slow") or config.settings["slow"]:
        return ""
    return f"slow, and scale {config.scale} leaves out what is; scale long does not"


def _measured(
    config: Config, entry: dict, row: dict, image: np.ndarray, noisy: Path, clean: Path
) -> list[dict[str, str]]:
    """The rows of the results on one denoised image."""
    shown = checked_path(clean, {"path": row["clean"], "sha256": row["clean_sha256"]})
    reference = read_image(shown, gray=image.ndim == 2)
    if reference.shape != image.shape:
        line = f"{noisy / row['path']}: denoised to {image.shape}, but the clean image is {reference.shape}"
        raise UserError(f"{line}; run the synthesize stage again")
    common = {
        "dataset": dataset_title(config, entry["dataset"]),
        "item": row["id"],
        "condition": f"sigma={row['sigma']}",
        "method": entry["method"],
    }
    quality = (("psnr", "dB", psnr(image, reference)), ("ssim", "", ssim(image, reference)))
    return [{**common, "metric": name, "unit": unit, "value": f"{value:.6f}"} for name, unit, value in quality]


def _wanted(entry: dict, sigma: float, without: Collection[float]) -> bool:
    """Whether a run measures a noise level of its set."""
    return sigma in entry.get("sigmas", [sigma]) and sigma not in without


def dataset_title(config: Config, key: str) -> str:
    """The printed name of a data set; stand-ins for it carry a prefix, so that they never meet a printed value."""
    title = config.entry("download", key)["title"]
    return title if config.settings["real_data"] else f"demo:{title}"


def read_noisy(path: Path) -> np.ndarray:
    """A float32 array written by the synthesize stage; pickled content is refused."""
    try:
        found = np.load(plain(path), allow_pickle=False)
        if not isinstance(found, np.ndarray) or found.dtype != np.float32 or found.ndim not in (2, 3):
            raise ValueError("expected float32 in two or three dimensions")
        return found
    except (ValueError, EOFError, OSError, MemoryError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: not a NumPy array ({error}); run the synthesize stage again") from None


def _denoise(
    items: Path, noisy: Path, row: dict, work: Work, denoiser: Callable[[np.ndarray], np.ndarray], parts: dict[str, str]
) -> np.ndarray:
    """The denoised image of one row of the noisy index, uint8, computed or taken up from an earlier run."""
    path = checked_path(noisy, row)
    key = item_key(noisy=row["sha256"], sigma=row["sigma"], **parts)
    make = work.counted(lambda: denoiser(read_noisy(path)))
    return denoised_item(items / f"sigma{row['sigma']}", row["id"], key, make)
