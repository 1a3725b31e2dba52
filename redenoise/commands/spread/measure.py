"""Measure images under other seeds, with the code that fills the tables, and keep every value once it is there."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any

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
from redenoise.support.files import read_json, sha256_bytes, write_json

METRICS = ("psnr", "ssim")
KEEP_SECONDS = 5.0  # what a kill may cost
Values = dict[str, list[float]]  # by the key of what it depends on: the values of one image, one for each metric


@contextmanager
def kept(scale: str, key: str) -> Iterator["Kept"]:
    """The values of one cell that earlier runs have measured; those added inside the block are kept too."""
    path = paths.build(scale) / "spread" / f"{key}.json"
    store = Kept(path, _read(path))
    try:
        yield store
    finally:
        store.write()


class Kept:
    """Measured values in a file that is written anew every few seconds."""

    def __init__(self, path: Path, values: Values) -> None:
        self.path, self.values = path, values
        self.written, self.new = monotonic(), False

    def add(self, key: str, values: list[float]) -> None:
        """Keep the values of one image."""
        self.values[key], self.new = values, True
        if monotonic() - self.written > KEEP_SECONDS:
            self.write()

    def write(self) -> None:
        """Write what is new."""
        if self.new:
            write_json(self.path, self.values)
            self.written, self.new = monotonic(), False


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


def _read(path: Path) -> Values:
    if not path.exists():
        return {}
    try:
        values = read_json(path, dict)
    except UserError:
        return {}  # damaged: measured again
    return {key: value for key, value in values.items() if _sound(value)}


def _sound(value: object) -> bool:
    return isinstance(value, list) and len(value) == len(METRICS) and all(isinstance(one, float) for one in value)
