"""Measure images under other seeds, with the code that fills the tables, and keep every value once it is there."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO, Any

from redenoise.commands.spread.cells import Cell
from redenoise.dag import paths
from redenoise.dag.indexed import checked_path
from redenoise.data.images import read_image
from redenoise.measure import items, metrics, noise
from redenoise.measure.denoising import DenoiserFor
from redenoise.measure.items import item_key, to_uint8
from redenoise.measure.metrics import psnr, ssim
from redenoise.measure.noise import add_noise
from redenoise.support.errors import UserError
from redenoise.support.files import sha256_bytes

METRICS = ("psnr", "ssim")


@contextmanager
def kept(scale: str, key: str) -> Iterator["Kept"]:
    """The values of one cell that earlier runs have measured; those added inside the block are kept too."""
    path = paths.build(scale) / "spread" / f"{key}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as stream:
        yield Kept(stream)


class Kept:
    """Measured values by the key of what each depends on: the values of one image, one for each metric.

    A file has a line for each image. One that a kill has cut short is measured again.
    """

    def __init__(self, stream: IO[str]) -> None:
        stream.seek(0)
        self.values, self.stream = dict(filter(None, map(_parsed, stream))), stream

    def add(self, key: str, values: list[float]) -> None:
        """Keep the values of one image."""
        self.values[key] = values
        print("", json.dumps([key, values]), sep="\n", file=self.stream, flush=True)


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
    image = to_uint8(denoiser_for(sigma)[0](noisy))
    if image.shape != clean.shape:
        line = f"{cell.key}: {row['id']} is denoised to {image.shape}, but the clean image is {clean.shape}"
        raise UserError(f"{line}; correct the network")
    return [round(value, 6) for value in (psnr(image, clean), ssim(image, clean))]


@cache
def _code() -> str:
    """Of the noise, and of all that happens to a denoised image."""
    files: list[Any] = [noise, items, metrics]
    return sha256_bytes(b"".join(Path(module.__file__).read_bytes() for module in files))


def _parsed(line: str) -> tuple[str, list[float]] | None:
    """Key and values of a line; None for one that is empty or damaged."""
    try:
        key, values = json.loads(line)
        return (key, [float(value) for value in values]) if len(values) == len(METRICS) else None
    except (ValueError, TypeError):
        return None
