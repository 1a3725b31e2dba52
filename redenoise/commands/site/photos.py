"""The image browser's files: a few photographs of every set, noisy and denoised by every method.

Nothing is denoised here. The images are those that the stage `evaluate` measured and kept; each is checked against its
result before it is shown. For the eye they are compressed where they are large; every number is taken from the pixels
themselves, by tiles, from which the page adds up the PSNR and the SSIM of a crop.
"""

import glob
import io
import json
import math
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from redenoise.commands.site.quality import Reference, liveliest, psnr
from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.dag.indexed import read_index
from redenoise.dag.results import read_results
from redenoise.data.images import read_image
from redenoise.measure.inputs import dataset_title, read_noisy
from redenoise.measure.items import to_uint8
from redenoise.measure.metrics import WINDOW
from redenoise.support.errors import UserError
from redenoise.support.numbers import EXACT

PHOTOS = 3  # of every set, the first ones
BUDGET = 10 << 20  # bytes of all image files, so that the whole site stays below 25 MB
QUALITY, ROUGH = 85, 60  # of WebP, for images and for their differences, where they are not lossless
LOSSLESS = 256 * 256  # pixels up to which an image is small enough to be stored as it is
GAIN = 4  # of the difference images
SMALL_TILE, TILE, SMALL = 8, 16, 192  # pixels: tiles of images whose shorter side is below the last, and of others
AGREES = 1e-5  # dB by which an image and its result may differ: the result has six decimals

Files = dict[str, bytes]


@dataclass(frozen=True)
class Photo:
    """One photograph.

    Attributes:
        key, title: of its set; the title carries the mark of the demo.
        item: its id.
        clean: its file.
        noisy: noise level to the file of its noisy version.
        folder: of its files on the site.
        gray: whether it has one channel.
    """

    key: str
    title: str
    item: str
    clean: Path
    noisy: dict[str, Path]
    folder: str
    gray: bool


@dataclass(frozen=True)
class Run:
    """One method on one set, and the results of its images by (item, condition)."""

    key: str
    method: str
    items: Path
    results: Path

    @cached_property
    def values(self) -> dict[tuple[str, str], float]:
        rows = [row for _, row in read_results(self.results, "run its stage again") if row["metric"] == "psnr"]
        return {
            (row["item"], row["condition"]): math.inf if row["value"] == EXACT else float(row["value"])
            for row in rows
            if row["value"]
        }


@dataclass(frozen=True)
class Album:
    """What the browser shows: a description of every photograph, and their files by path below the site."""

    photos: list[dict]
    files: Files
    left_out: list[str]


def album(config: Config, budget: int = BUDGET) -> Album:
    """Encode the photographs, first one of every set, then the next, until the budget of bytes is used up."""
    shown: list[dict] = []
    files: Files = {}
    left_out: list[str] = []
    runs = {key: _runs(config, key) for key in config.keys("synthesize")}
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for photos in _rounds(config):
            units = [(photo, level, runs[photo.key]) for photo in photos for level in photo.noisy]
            made = dict(zip([(unit[0].folder, unit[1]) for unit in units], pool.map(_level, units), strict=True))
            for photo in photos:
                found, described, missing = _joined(photo, {level: made[photo.folder, level] for level in photo.noisy})
                if sum(len(data) for data in (*files.values(), *found.values())) > budget:
                    left_out.append(f"{photo.title} {photo.item}: the image files would exceed {budget >> 20} MiB")
                    continue
                left_out += missing
                if described["levels"]:
                    files |= found
                    shown.append(described)
    order = list(runs)
    return Album(sorted(shown, key=lambda photo: order.index(photo["set"])), files, left_out)


def _rounds(config: Config) -> Iterator[list[Photo]]:
    """The first photograph of every set, then the second of every set, and so on."""
    sets = [_photos(config, key) for key in config.keys("synthesize")]
    for number in range(PHOTOS):
        yield [photos[number] for photos in sets if number < len(photos)]


def _photos(config: Config, key: str) -> list[Photo]:
    clean, noisy = paths.data(config.scale, key), paths.noisy(config.scale, key)
    if not clean.is_dir() or not noisy.is_dir():
        return []
    levels: dict[str, dict[str, Path]] = {}
    for row in read_index(noisy):
        levels.setdefault(row["id"], {})[row["sigma"]] = noisy / row["path"]
    gray = config.entry("download", key)["channels"] == 1
    rows = [row for row in read_index(clean) if row["id"] in levels][:PHOTOS]
    title = dataset_title(config, key)
    return [
        Photo(key, title, row["id"], clean / row["path"], levels[row["id"]], f"images/{key}-{number}", gray)
        for number, row in enumerate(rows, start=1)
    ]


def _runs(config: Config, dataset: str) -> list[Run]:
    scale = config.scale
    return [
        Run(key, config.entry(stage, key)["method"], paths.items(scale, key), paths.results(scale, key))
        for stage in ("filter", "evaluate")
        for key in config.keys(stage)
        if config.entry(stage, key)["dataset"] == dataset
    ]


def _level(unit: tuple[Photo, str, list[Run]]) -> tuple[Files, dict, list[str]]:
    """One photograph at one noise level: its files, their description, and what is not there."""
    photo, level, runs = unit
    clean = read_image(photo.clean, gray=photo.gray)
    if min(clean.shape[:2]) < WINDOW:
        return {}, {"methods": []}, [f"{photo.title} {photo.item}, σ = {level}: smaller than the window of SSIM"]
    reference = Reference(clean, SMALL_TILE if min(clean.shape[:2]) < SMALL else TILE)
    noisy = to_uint8(read_noisy(photo.noisy[level]))
    if noisy.shape != clean.shape:
        line = f"{photo.noisy[level]}: {noisy.shape}, but the clean image is {clean.shape}"
        raise UserError(f"{line}; run the synthesize stage again")
    files = {f"{photo.folder}/clean.webp": _encoded(clean), f"{photo.folder}/{level}-noisy.webp": _encoded(noisy)}
    methods: list[dict] = []
    missing: list[str] = []
    for run in runs:
        expected = run.values.get((photo.item, f"sigma={level}"))
        if expected is None:
            continue  # It does not measure this level, or has no weights for it.
        image, why = _kept(run, photo, level, clean.shape)
        if image is not None and not _agree(psnr(reference.squared_errors(image), clean.size), expected):
            image, why = None, "the image that was kept is not the one that was measured"
        if image is None:
            missing.append(f"{photo.title} {photo.item}, σ = {level}, {run.method}: {why}")
            continue
        name = f"{photo.folder}/{level}-{run.key}"
        files |= {
            f"{name}.webp": _encoded(image),
            f"{name}-difference.webp": _encoded(_difference(image, clean), ROUGH),
        }
        entry = {"name": run.method, "node": run.key, "file": f"{name}.webp", "difference": f"{name}-difference.webp"}
        methods.append({**entry, **_measured(reference, image)})
    shown = {"file": f"{photo.folder}/{level}-noisy.webp", **_measured(reference, noisy)}
    return files, {"noisy": shown, "methods": methods}, missing


def _kept(run: Run, photo: Photo, level: str, shape: tuple[int, ...]) -> tuple[np.ndarray | None, str]:
    """The denoised image that a run kept, or why there is none."""
    found = list((run.items / f"sigma{level}").glob(f"{glob.escape(photo.item)}.{'?' * 20}.png"))
    if len(found) != 1:
        return None, f"{len(found)} images in {run.items / f'sigma{level}'}, expected one"
    image = read_image(found[0], gray=photo.gray)
    return (image, "") if image.shape == shape else (None, f"{found[0]} is {image.shape}, expected {shape}")


def _agree(found: float, expected: float) -> bool:
    """Whether an image is the one that was measured, by their PSNR."""
    return found == expected or abs(found - expected) <= AGREES


def _joined(photo: Photo, levels: dict[str, tuple[Files, dict, list[str]]]) -> tuple[Files, dict, list[str]]:
    """A photograph at all its levels: the files with the script that holds its numbers, its description, the gaps."""
    with Image.open(photo.clean) as image:
        width, height = image.size
    files: Files = {}
    missing: list[str] = []
    described: dict[str, dict] = {}
    for level, (found, entry, gaps) in levels.items():
        missing += gaps
        if entry["methods"]:
            files |= found
            described[level] = entry
    tile = SMALL_TILE if min(width, height) < SMALL else TILE
    head = {"set": photo.key, "title": photo.title, "item": photo.item, "folder": photo.folder}
    size = {"width": width, "height": height, "tile": tile, "channels": 1 if photo.gray else 3}
    crop = liveliest(read_image(photo.clean, gray=photo.gray), tile)  # the one that is shown first
    numbers = {**head, **size, "crop": crop, "clean": f"{photo.folder}/clean.webp", "levels": described}
    files[f"{photo.folder}/numbers.js"] = f"site.photo({json.dumps(numbers, ensure_ascii=False)});\n".encode()
    names = {level: [method["name"] for method in entry["methods"]] for level, entry in described.items()}
    return files, {**head, "levels": names, "lossless": width * height <= LOSSLESS}, missing


def _measured(reference: Reference, image: np.ndarray) -> dict[str, list[int]]:
    """Squared errors, and a thousand times the similarities, of every tile, line by line."""
    similarities = np.rint(1000 * reference.similarities(image)).astype(int)
    return {"errors": reference.squared_errors(image).ravel().tolist(), "similarities": similarities.ravel().tolist()}


def _difference(image: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """uint8 (H, W): the absolute difference, mean over the channels, times `GAIN`."""
    difference = np.abs(image.astype(np.int16) - clean)
    return to_uint8(GAIN * (difference if difference.ndim == 2 else difference.mean(axis=2)))


def _encoded(image: np.ndarray, quality: int = QUALITY) -> bytes:
    """WebP, lossless for a small image."""
    stream = io.BytesIO()
    small = image.shape[0] * image.shape[1] <= LOSSLESS
    options = {"lossless": True, "quality": 20} if small else {"quality": quality}
    Image.fromarray(image).save(stream, "WEBP", method=2, **options)
    return stream.getvalue()
