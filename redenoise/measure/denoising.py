"""Denoise a noisy set with one method and measure every image."""

from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.dag.indexed import INDEX, checked_path, read_index, unavailable_reason
from redenoise.dag.results import write_results
from redenoise.dag.shards import Work
from redenoise.measure.inputs import LESS_MEMORY, Inputs, inputs_of, read_noisy
from redenoise.measure.items import denoised_item, item_key
from redenoise.measure.metrics import psnr, ssim
from redenoise.support.errors import Unmeasurable, UserError, during, out_of_memory
from redenoise.support.numbers import fixed
from redenoise.support.progress import progress

# From a noise level to the denoiser for it, (noisy) -> denoised, both (H, W[, 3]) on the [0, 255] scale, and to what
# the denoised image depends on besides the noisy one: names to values, part of the key of a kept image.
Denoise = Callable[[np.ndarray], np.ndarray]
DenoiserFor = Callable[[float], tuple[Denoise, dict[str, str]]]
Quality = dict[str, tuple[float | None, str]]  # metric to its value, or to None and why it has none
UNITS = {"psnr": "dB", "ssim": ""}
PROBE = 64  # pixels: an image that a method fails on is tried again with sides that are multiples of this


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
    inputs = inputs_of(config, entry)
    rows = _rows_of(inputs)
    rows = _first(config, entry, [row for row in rows if _wanted(entry, float(row[inputs.parameter]), without)])
    index = work.share(rows)
    results = []
    for row in progress(index, len(index), work.label(f"{stage} {key}")):
        level = float(row[inputs.parameter])
        place = f"{inputs.parameter} {row[inputs.parameter]}"
        with during(f"{stage} {key}: image {row['id']}, {place}, {entry['method']}", LESS_MEMORY):
            quality = _quality(paths.items(config.scale, key), inputs, row, work, *denoiser_for(level))
        results += _rows(inputs, entry, row, quality, remark(level))
    if work.shard is None:
        write_results(paths.results(config.scale, key), results)
    if reason := unavailable_reason(inputs.noisy):
        work.record["unavailable"] = reason


def _rows_of(inputs: Inputs) -> list[dict[str, str]]:
    """The index of the images that a run reads; raises `UserError` if a level in it is no number."""
    rows = read_index(inputs.noisy, (inputs.parameter, "clean", "clean_sha256"))
    levels = (row[inputs.parameter] for row in rows)
    if wrong := next((level for level in levels if not level.replace(".", "", 1).isdecimal()), None):
        line = f"{inputs.noisy / INDEX}: damaged, {inputs.parameter} is {wrong!r}"
        raise UserError(f"{line}; delete it and run the {inputs.stage} stage again")
    return rows


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


def _quality(items: Path, inputs: Inputs, row: dict, work: Work, denoiser: Denoise, parts: dict[str, str]) -> Quality:
    """What is measured of one row of the noisy index; nothing by a shard, which only denoises."""
    try:
        image = _denoise(items, inputs, row, work, denoiser, parts)
    except Unmeasurable as error:
        return dict.fromkeys(UNITS, (None, str(error)))
    return {} if work.shard else _measured(row, image, inputs)


def _measured(row: dict, image: np.ndarray, inputs: Inputs) -> Quality:
    """What is measured of one denoised image."""
    reference = inputs.reference(row, gray=image.ndim == 2)
    if reference.shape != image.shape:
        line = f"{inputs.noisy / row['path']}: denoised to {image.shape}, but the clean image is {reference.shape}"
        raise UserError(f"{line}; run the {inputs.stage} stage again")
    level = row[inputs.parameter]
    image, reference = inputs.inner(image, level), inputs.inner(reference, level)
    try:
        similarity: tuple[float | None, str] = (ssim(image, reference), "")
    except Unmeasurable as error:
        similarity = (None, str(error))
    return {"psnr": (psnr(image, reference), ""), "ssim": similarity}


def _rows(inputs: Inputs, entry: dict, row: dict, quality: Quality, remark: str) -> list[dict[str, str]]:
    """The rows of the results on one image; `remark` restricts its values."""
    common = {
        "dataset": inputs.title,
        "item": row["id"],
        "condition": f"{inputs.parameter}={row[inputs.parameter]}",
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


def _wanted(entry: dict, level: float, without: Collection[float]) -> bool:
    """Whether a run measures a level of its set."""
    return level in entry.get("sigmas", entry.get("levels", [level])) and level not in without


def sized(denoiser: Denoise, noisy: np.ndarray) -> np.ndarray:
    """One image through a denoiser that may not take its size.

    Raises:
        Unmeasurable: it fails on the image, and not on the same image continued to sides that no method minds: below
            its block, its receptive field, or no multiple of what it halves.
        UserError: it fails whatever the size.
    """
    try:
        return denoiser(noisy)
    except (UserError, RuntimeError, ValueError, IndexError, ArithmeticError) as error:
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


def _denoise(
    items: Path, inputs: Inputs, row: dict, work: Work, denoiser: Denoise, parts: dict[str, str]
) -> np.ndarray:
    """The denoised image of one row of the noisy index, uint8, computed or taken up from an earlier run."""
    path, parameter = checked_path(inputs.noisy, row), inputs.parameter
    key = item_key(noisy=row["sha256"], **{parameter: row[parameter]}, **parts)
    make = work.counted(lambda: sized(denoiser, read_noisy(path, inputs.stage)))
    return denoised_item(items / f"{parameter}{row[parameter]}", row["id"], key, make)
