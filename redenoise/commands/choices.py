"""What the choices are worth that papers leave open, measured: each made both ways on the same noisy images.

Crops from the middle of the first images of Set12 (gray) and Kodak (colour), under the noise of the run, with the
weights of the scale, which has to be built as far as `data`, `noisy` and `weights`. Writes
`reports/choices/<scale>.csv` and `.md`.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from redenoise.commands.benchmark.machine import commit, table
from redenoise.commands.parsing import parser
from redenoise.dag import paths
from redenoise.dag.config import Config, load_config
from redenoise.dag.indexed import checked_path, read_index
from redenoise.data.images import read_image
from redenoise.measure import apply
from redenoise.measure.inputs import read_noisy
from redenoise.measure.items import to_uint8
from redenoise.measure.metrics import PEAK, psnr
from redenoise.measure.networks import Networks
from redenoise.measure.torch_mode import set_mode
from redenoise.models.denoisers.tnrd import SPACING
from redenoise.models.filters import bm3d, mcwnnm, wnnm
from redenoise.models.weights import load_network
from redenoise.support import csv_tables
from redenoise.support.errors import UserError
from redenoise.support.files import write_text
from redenoise.support.progress import progress

FOLDER = Path("reports/choices")
GRAY, COLOUR = "set12", "kodak"  # entries of `noisy`
IMAGES = 3  # the first of each set
SIDE = 160  # of a crop, pixels: for the sake of the methods that take minutes for a whole image
LONGER = (1, 4, 8, 16, 32, 64)  # betas of EPLL, one pass more than published
COLUMNS = (
    "method",
    "choice",
    "instead",
    "dataset",
    "sigma",
    "images",
    "psnr",
    "psnr_instead",
    "change",
    "lowest",
    "highest",
)


class Sample(NamedTuple):
    """A crop: uint8 `clean` and float32 `noisy`, (H, W) or (H, W, 3), [0, 255] scale, and the level of the noise."""

    clean: np.ndarray
    noisy: np.ndarray
    sigma: float


Measured = Callable[[Sample], float]  # PSNR in dB of one sample, in one of the two ways


class Choice(NamedTuple):
    """One choice: what was chosen for the tables, what could have been, and where both are tried."""

    method: str
    chosen: str
    instead: str
    dataset: str
    sigmas: tuple[int, ...]
    measured: Measured
    other: Measured


def choices(config: Config) -> list[Choice]:
    """All that are measured; raises `UserError` where the scale has no weights of TNRD or EPLL."""
    return [*_of_filters(), *_of_networks(config)]


def _of_filters() -> list[Choice]:
    normal, very_noisy = (_by(partial(bm3d.denoise, steps=steps)) for steps in (bm3d.NORMAL, bm3d.VERY_NOISY))
    closed, independent = _by(partial(wnnm.denoise, shrinkage=wnnm.closed_form)), _by(mcwnnm.denoise)
    scaled = [
        Choice("MCWNNM", f"estimated levels times {mcwnnm.SCALE:g}", f"times {scale:g}", COLOUR, (25,), independent,
               _by(partial(mcwnnm.denoise, scale=scale)))
        for scale in (0.4, 0.8, 1.0)
    ]  # fmt: skip
    return [
        Choice("BM3D", "profile vn above sigma 40", "np", GRAY, (50,), very_noisy, normal),
        Choice("CBM3D", "profile vn above sigma 40", "np", COLOUR, (50,), very_noisy, normal),
        Choice("CBM3D", "profile np up to sigma 40", "vn", COLOUR, (25, 35), normal, very_noisy),
        Choice("BM3D", "result clipped and rounded", "neither", GRAY, (15, 50), _by(bm3d.denoise), _unrounded),
        Choice("WNNM", "shrinkage of 2014", "closed form", GRAY, (15, 25, 50), _by(wnnm.denoise), closed),
        Choice("MCWNNM", "independent noise", "one field in all channels", COLOUR, (25,), independent,
               lambda sample: independent(_one_field(sample))),
        *scaled,
    ]  # fmt: skip


def _of_networks(config: Config) -> list[Choice]:
    def network(family: str, sigma: float, **options: object) -> torch.nn.Module:
        path = Networks(paths.weights(config.scale, family), {}, {}).path_for(sigma)
        return load_network(path, options)[0]

    epll, longer = network("epll", 25), network("epll", 25, betas=LONGER)
    tnrd, spaced = network("tnrd", 50), network("tnrd", 50)
    spaced.get_buffer("spacing").fill_(SPACING)
    levels = (15, 25, 50)

    def without_mean(sample: Sample) -> float:
        return _psnr(to_uint8(apply.denoise(epll, sample.noisy, sample.sigma)), sample.clean, np.var)

    return [
        Choice("EPLL", "passes 1, 4, 8, 16, 32", "and 64", GRAY, levels, _through(epll), _through(longer)),
        Choice("EPLL", "mean square of the error", "its variance", GRAY, levels, _through(epll), without_mean),
        Choice("TNRD", "means of its file, 12.5 apart", "10 apart", GRAY, (50,), _through(tnrd), _through(spaced)),
    ]


def _by(denoise: Callable[[np.ndarray, float], np.ndarray]) -> Measured:
    return lambda sample: psnr(to_uint8(denoise(sample.noisy, sample.sigma)), sample.clean)


def _through(network: torch.nn.Module) -> Measured:
    return _by(partial(apply.denoise, network))


def _unrounded(sample: Sample) -> float:
    return _psnr(bm3d.denoise(sample.noisy, sample.sigma), sample.clean, lambda error: np.square(error).mean())


def _psnr(image: np.ndarray, clean: np.ndarray, mean_square: Callable[[np.ndarray], np.floating]) -> float:
    return float(10 * np.log10(PEAK**2 / mean_square(image.astype(np.float64) - clean)))


def _one_field(sample: Sample) -> Sample:
    """The noise of the first channel in all of them."""
    return sample._replace(noisy=sample.clean + (sample.noisy - sample.clean)[..., :1])


def samples(config: Config, dataset: str, sigma: int) -> list[Sample]:
    """Crops of the first images of a set; raises `UserError` where the run has not made them."""
    noisy, clean = paths.noisy(config.scale, dataset), paths.data(config.scale, dataset)
    rows = [row for row in read_index(noisy, ("sigma", "clean")) if float(row["sigma"]) == sigma][:IMAGES]
    if not rows:
        raise UserError(
            f"{noisy}: no images at sigma {sigma}; run `python -m stages.synthesize --only {dataset}` first"
        )
    found = []
    for row in rows:
        image = read_noisy(checked_path(noisy, row))
        shown = checked_path(clean, {"path": row["clean"], "sha256": row["clean_sha256"]})
        top, left = ((size - SIDE) // 2 if size > SIDE else 0 for size in image.shape[:2])
        crop = np.s_[top : top + SIDE, left : left + SIDE]
        found.append(Sample(read_image(shown, gray=image.ndim == 2)[crop], image[crop], float(sigma)))
    return found


def measure(config: Config) -> Iterator[tuple[object, ...]]:
    """The rows of `COLUMNS`: means over the crops, in dB."""
    tried = [(choice, sigma) for choice in choices(config) for sigma in choice.sigmas]
    for choice, sigma in progress(tried, len(tried), "choices"):
        crops = samples(config, choice.dataset, sigma)
        first, second = (np.array([way(crop) for crop in crops]) for way in (choice.measured, choice.other))
        change = second - first
        title = config.entry("download", choice.dataset)["title"]
        values = (f"{value:.3f}" for value in (first.mean(), second.mean(), change.mean(), change.min(), change.max()))
        yield choice.method, choice.chosen, choice.instead, title, sigma, len(crops), *values


def page(scale: str, rows: list[tuple[object, ...]], made_at: str | None) -> str:
    """The page as Markdown, ending in a line feed."""
    headers = ["method", "in the tables", "instead", "data set", "σ", "images"]
    headers += ["dB", "dB instead", "change", "lowest", "highest"]
    lines = [
        f"# What open choices are worth, at {scale}",
        "<!-- Generated by `redenoise choices`; do not edit. -->",
        "Each choice that a paper leaves open, made both ways on the same noisy images: crops of at most "
        f"{SIDE}x{SIDE} from the middle of the first {IMAGES} of a set; mean PSNR, and the lowest and the highest "
        f"change of a single crop. Commit {made_at or 'unknown'}.",
        table(headers, [[str(value) for value in row] for row in rows], words=4),
    ]
    return "\n\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> None:
    """Command line; raises `UserError` where the scale is not built far enough."""
    config = load_config(parser("choices", __doc__).parse_args(arguments).scale)
    set_mode("reference", config.settings["threads"])
    rows = list(measure(config))
    target = FOLDER / f"{config.scale}.md"
    write_text(target.with_suffix(".csv"), csv_tables.text(COLUMNS, rows))
    write_text(target, page(config.scale, rows, commit()))
    print(f"report: {target}")
