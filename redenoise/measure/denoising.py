"""Denoise a noisy set with one method and measure every image."""

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
from redenoise.support.errors import Unmeasurable, UserError, damage_explained, during, out_of_memory
from redenoise.support.files import plain
from redenoise.support.numbers import fixed
from redenoise.support.progress import progress

# From a noise level to the denoiser for it, (noisy) -> denoised, both (H, W[, 3]) on the [0, 255] scale, and to what
# the denoised image depends on besides the noisy one: names to values, part of the key of a kept image.
Denoise = Callable[[np.ndarray], np.ndarray]
DenoiserFor = Callable[[float], tuple[Denoise, dict[str, str]]]
Quality = dict[str, tuple[float | None, str]]  # metric to its value, or to None and why it has none
UNITS = {"psnr": "dB", "ssim": ""}
PROBE = 64  # pixels: an image that a method fails on is tried again with sides that are multiples of this
LESS_MEMORY = "run fewer jobs at once (--cores), or take smaller images"


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
    remark: Callable[[float], str] = lambda sigma: "",
) -> None:
    """Write the results of one run as long-format CSV, one row per image, noise level and metric.

    A shard denoises its share of the images at all noise levels together, and leaves the rest to the whole run.

    Args:
        work: what to do of it; says in the end why nothing could be measured, if so. The CSV then has a header only.
        without: noise levels to leave out.
        remark: from a noise level to what restricts its values, such as a network that was not trained for it.
    """
    entry = config.entry(stage, key)
    noisy, clean = input_folders(config, entry)
    rows = read_index(noisy, ("sigma", "clean", "clean_sha256"))
    if wrong := next((row["sigma"] for row in rows if not row["sigma"].replace(".", "", 1).isdecimal()), None):
        raise UserError(f"{noisy / INDEX}: damaged, sigma is {wrong!r}; delete it and run the synthesize stage again")
    rows = _first(config, entry, [row for row in rows if _wanted(entry, float(row["sigma"]), without)])
    index = work.share(rows)
    results = []
    for row in progress(index, len(index), work.label(f"{stage} {key}")):
        sigma = float(row["sigma"])
        with during(f"{stage} {key}: image {row['id']}, sigma {row['sigma']}, {entry['method']}", LESS_MEMORY):
            quality = _quality(paths.items(config.scale, key), noisy, clean, row, work, *denoiser_for(sigma))
        results += _rows(config, entry, row, quality, remark(sigma))
    if work.shard is None:
        write_results(paths.results(config.scale, key), results)
    if reason := unavailable_reason(noisy):
        work.record["unavailable"] = reason


def _first(config: Config, entry: dict, rows: list[dict]) -> list[dict]:
    """Of an entry that is slow the rows of as many images as the scale says, from the first on."""
    count = config.settings["slow"]
    if not entry.get("slow") or isinstance(count, bool):
        return rows
    images = list(dict.fromkeys(row["id"] for row in rows))[:count]
    return [row for row in rows if row["id"] in images]


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


def _quality(
    items: Path, noisy: Path, clean: Path, row: dict, work: Work, denoiser: Denoise, parts: dict[str, str]
) -> Quality:
    """What is measured of one row of the noisy index; nothing by a shard, which only denoises."""
    try:
        image = _denoise(items, noisy, row, work, denoiser, parts)
    except Unmeasurable as error:
        return dict.fromkeys(UNITS, (None, str(error)))
    return {} if work.shard else _measured(row, image, noisy, clean)


def _measured(row: dict, image: np.ndarray, noisy: Path, clean: Path) -> Quality:
    """What is measured of one denoised image."""
    shown = checked_path(clean, {"path": row["clean"], "sha256": row["clean_sha256"]})
    reference = read_image(shown, gray=image.ndim == 2)
    if reference.shape != image.shape:
        line = f"{noisy / row['path']}: denoised to {image.shape}, but the clean image is {reference.shape}"
        raise UserError(f"{line}; run the synthesize stage again")
    try:
        similarity: tuple[float | None, str] = (ssim(image, reference), "")
    except Unmeasurable as error:
        similarity = (None, str(error))
    return {"psnr": (psnr(image, reference), ""), "ssim": similarity}


def _rows(config: Config, entry: dict, row: dict, quality: Quality, remark: str) -> list[dict[str, str]]:
    """The rows of the results on one image; `remark` restricts its values."""
    common = {
        "dataset": dataset_title(config, entry["dataset"]),
        "item": row["id"],
        "condition": f"sigma={row['sigma']}",
        "method": entry["method"],
    }
    return [
        {
            **common,
            "metric": metric,
            "unit": UNITS[metric],
            "value": "" if value is None else fixed(value, 6),
            "note": reason or remark,
        }
        for metric, (value, reason) in quality.items()
    ]


def _wanted(entry: dict, sigma: float, without: Collection[float]) -> bool:
    """Whether a run measures a noise level of its set."""
    return sigma in entry.get("sigmas", [sigma]) and sigma not in without


def dataset_title(config: Config, key: str) -> str:
    """The printed name of a data set; stand-ins for it carry a prefix, so that they never meet a printed value."""
    title = config.entry("download", key)["title"]
    return title if config.settings["real_data"] else f"demo:{title}"


def read_noisy(path: Path) -> np.ndarray:
    """A float32 array written by the synthesize stage; pickled content is refused."""
    with damage_explained(path, "not a NumPy array", "run the synthesize stage again"):
        try:
            found = np.load(plain(path), allow_pickle=False)
        except MemoryError:
            np.load(path, mmap_mode="r")  # raises `ValueError` where the header declares more than the file holds
            raise
        if not isinstance(found, np.ndarray) or found.dtype != np.float32 or found.ndim not in (2, 3):
            raise ValueError("expected float32 in two or three dimensions")
        return found


def sized(denoiser: Denoise, noisy: np.ndarray) -> np.ndarray:
    """One image through a denoiser that may not take its size.

    Raises:
        Unmeasurable: it fails on the image, and not on the same image continued to sides that no method minds: below
            its block, its receptive field, or no multiple of what it halves.
        UserError: it fails whatever the size.
    """
    try:
        return denoiser(noisy)
    except (UserError, RuntimeError, ValueError, IndexError) as error:
        if out_of_memory(error):
            raise
        pixels, text = "x".join(map(str, noisy.shape[:2])), " ".join(str(error).split())
        missing = [(0, max(PROBE, -(-side // PROBE) * PROBE) - side) for side in noisy.shape[:2]]
        if any(after for _, after in missing) and _takes(denoiser, noisy, missing):
            raise Unmeasurable(f"no value for {pixels} pixels: {text}") from None
        if isinstance(error, UserError):
            raise
        line = f"the method fails on {pixels} pixels ({type(error).__name__}: {text})"
        raise UserError(f"{line}; check its weights, or correct its code") from error


def _takes(denoiser: Denoise, noisy: np.ndarray, more: list[tuple[int, int]]) -> bool:
    """Whether a denoiser takes an image that is mirrored to be larger."""
    try:
        denoiser(np.pad(noisy, [*more, (0, 0)][: noisy.ndim], mode="symmetric"))
    except Exception:  # whatever is wrong, it is not the size, and the first error says what
        return False
    return True


def _denoise(items: Path, noisy: Path, row: dict, work: Work, denoiser: Denoise, parts: dict[str, str]) -> np.ndarray:
    """The denoised image of one row of the noisy index, uint8, computed or taken up from an earlier run."""
    path = checked_path(noisy, row)
    key = item_key(noisy=row["sha256"], sigma=row["sigma"], **parts)
    make = work.counted(lambda: sized(denoiser, read_noisy(path)))
    return denoised_item(items / f"sigma{row['sigma']}", row["id"], key, make)
