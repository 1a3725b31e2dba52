"""Figure 12 of Zhang et al. 2017: one image, degraded in six ways, restored by one network."""

from functools import partial
from types import ModuleType
from typing import NamedTuple

import numpy as np

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.measure import degradations
from redenoise.measure.apply import denoise
from redenoise.measure.degradations import bicubic, gaussian, jpeg
from redenoise.measure.items import to_uint8
from redenoise.measure.metrics import psnr
from redenoise.measure.noise import noise_field
from redenoise.models.weights import load_network
from redenoise.support.numbers import fixed
from stages.illustrate.canvas import WHITE, Figure, framed, grid, not_made, panel, shown
from stages.illustrate.methods import example, first_reason

SIDE = 480  # of the middle of the photograph, in pixels
ROWS, COLUMNS = 2, 3
TITLE = "Figure 12 of Zhang et al. 2017: three tasks at once"


class Region(NamedTuple):
    """What is done in one region, as the caption calls it."""

    name: str
    degradation: ModuleType
    level: int


# From the upper left to the lower right.
REGIONS = (
    *(Region("noise 15", gaussian, 15), Region("scale 2", bicubic, 2), Region("quality 10", jpeg, 10)),
    *(Region("noise 25", gaussian, 25), Region("scale 3", bicubic, 3), Region("quality 30", jpeg, 30)),
)


def figure12(config: Config) -> Figure:
    """A photograph in six regions, each degraded in its own way, restored as one image.

    Deviations: the image is another than the paper's, and each region is cut out of the whole image degraded that way.
    """
    shows = config.params["figures"]
    data, folder = paths.data(config.scale, shows["examples"]), paths.weights(config.scale, shows["general"])
    caption = (
        "The middle of a photograph, degraded in six ways: noise of sigma = 15 and 25, a resolution 2 and 3 times "
        "lower enlarged by bicubic interpolation, JPEG of quality 10 and 30; and what DnCNN-3 makes of the whole, told "
        "neither what was done nor where. White lines part the regions in the input alone, and are not part of it. The "
        "residual is input minus output, from its smallest value in black to its largest in white."
    )
    if reason := first_reason(data, folder):
        return not_made(TITLE, caption, reason)
    name, clean = example(data, SIDE)
    network, _ = load_network(folder / "model.safetensors")
    degraded = composed(clean, partial(noise_field, seed=config.params["seed"], dataset=data.name, image=name))
    restored = denoise(network, degraded, 0.0)
    versions = [np.asarray(to_uint8(image)) for image in (degraded, restored, clean)]
    gains = "; ".join(
        f"{region.name}: {_db(versions[0][place], clean[place])} to {_db(versions[1][place], clean[place])}"
        for region, place in zip(REGIONS, places(clean.shape), strict=True)
    )
    caption += f" Here the image is `{name}`. PSNR in dB by region, {gains}."
    residual = degraded - restored
    low, high = residual.min(), residual.max()
    pictures = [parted(versions[0]), versions[1], to_uint8(255 * (residual - low) / ((high - low) or 1.0)), versions[2]]
    labels = [f"input, {_db(versions[0], clean)} dB", f"output, {_db(versions[1], clean)} dB", "residual", "clean"]
    panels = [panel(shown(image, SIDE), text) for image, text in zip(pictures, labels, strict=True)]
    return Figure(TITLE, caption, framed(grid([panels[:2], panels[2:]])))


def places(shape: tuple[int, ...]) -> list[tuple[slice, slice]]:
    """Where the regions of `REGIONS` are in an image of that shape."""
    edges = [[side * n // count for n in range(count + 1)] for side, count in zip(shape, (ROWS, COLUMNS), strict=True)]
    tops, lefts = edges
    return [
        (slice(*tops[row : row + 2]), slice(*lefts[column : column + 2]))
        for row in range(ROWS)
        for column in range(COLUMNS)
    ]


def composed(clean: np.ndarray, noise: partial) -> np.ndarray:
    """A clean image, float64 (H, W) with sides that are multiples of 6, with every region degraded: float32 (H, W)."""
    found = np.empty(clean.shape, np.float32)
    for region, place in zip(REGIONS, places(clean.shape), strict=True):
        draw = partial(noise, sigma=region.level)
        found[place] = degradations.degrade(region.degradation, clean, region.level, draw)[place]
    return found


def parted(image: np.ndarray) -> np.ndarray:
    """A copy with white lines, two pixels wide, between the regions."""
    drawn = image.copy()
    for rows, columns in places(image.shape):
        if rows.start:
            drawn[rows.start - 1 : rows.start + 1] = WHITE
        if columns.start:
            drawn[:, columns.start - 1 : columns.start + 1] = WHITE
    return drawn


def _db(image: np.ndarray, clean: np.ndarray) -> str:
    return fixed(psnr(image, clean), 2)
