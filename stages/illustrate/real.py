"""Figure 7: photographs with real noise, denoised."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.dag.indexed import checked_path, read_index
from redenoise.data.images import read_image
from redenoise.measure.items import to_uint8
from redenoise.measure.noise import noise_field
from stages.illustrate.canvas import Figure, central, framed, grid, not_made, panel, shown
from stages.illustrate.methods import Method, cbm3d, first_reason, learned, not_run

SIGMA = 15  # that CBM3D is told, and that the cascade was trained for
IMAGES = 2
TRAINED_ON = ("Bears",)  # a photograph of BSD, 100075, in another encoding: it is among the training images
LARGEST = 512  # of the region that is denoised, in pixels: a photograph may be as large as it likes
SIDE = 256  # of a panel, in pixels
# Variance of the made noise: GAIN times the value of the pixel, plus READ squared; 15 at middle gray.
GAIN, READ = 1.0, 10.0
DND = "dnd"  # folder in data/ and in a mirror
TITLE = "Figure 7 of Liu et al. 2020: real noise"


def figure7(config: Config) -> Figure:
    """The first images of RNI15, and of DND where a user has put them.

    Deviations: the paper shows DND, which this project does not fetch, and does not print the noise level that the
    denoisers are told. There is no ground truth, so there are no numbers.
    """
    real = config.settings["real_data"]
    data = paths.data(config.scale, config.params["figures"]["real_noise"])
    methods = compared(config)
    extra = dnd_files()[:IMAGES] if real else []
    reason = first_reason(data)
    caption = (
        f"{_rows_are(real, not reason, bool(extra))} They are denoised by CBM3D, told sigma = {SIGMA} for every "
        "image, DnCNN (cdncnn_b, which estimates the level itself) and the jointly trained denoiser (Joint, cascade "
        f"segment_2020 of sigma = {SIGMA}). Without ground truth there is no PSNR. The paper shows images of DND."
        f"{not_run(methods)}"
    )
    if reason and not extra:
        return not_made(TITLE, caption, reason)
    rows = []
    for name, noisy in [*([] if reason else _photographs(config, data)), *_read(extra)]:
        versions = [noisy, *(method(noisy.astype(np.float32)) for method in methods)]
        parts = [None if version is None else part(version) for version in versions]
        rows.append([panel(each, name if number == 0 else "", like=parts[0]) for number, each in enumerate(parts)])
    table = grid(rows, ["Noisy", *(method.name for method in methods)])
    return Figure(TITLE, caption, framed(table), extra=tuple(extra))


def compared(config: Config) -> list[Method]:
    """The denoisers of the figures of real noise."""
    shows = config.params["figures"]
    return [
        cbm3d(SIGMA),
        learned("DnCNN (blind)", paths.weights(config.scale, shows["blind"]), SIGMA),
        learned("Joint", paths.cascade(config.scale, shows["segmentation"]["joint"]), SIGMA),
    ]


def with_noise(clean: np.ndarray, seed: int, image: str) -> np.ndarray:
    """A clean image as a camera might give it, uint8 of the same shape: noise that depends on the signal, rounded.

    Poisson and Gaussian noise (Foi et al., IEEE TIP 2008), the former by a normal distribution of the same variance, so
    that the bits are the same on any machine.
    """
    values = clean.astype(np.float64)
    field = noise_field(clean.shape, seed=seed, dataset="rni15", image=image, sigma=SIGMA)
    return to_uint8(values + np.sqrt(GAIN * values + READ**2) * field)


def dnd_files() -> list[Path]:
    """The PNG files that a user has put into the folder of DND: of the mirror, else of data/."""
    from redenoise.sources.provide import mirror  # here: only real data need it

    for root in (mirror(), paths.STORE):
        if root is not None and (found := sorted((root / DND).glob("*.png"))):
            return found
    return []


def _photographs(config: Config, data: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Name and pixels, uint8 (H, W, 3), of the first images of RNI15; stand-ins for them are made noisy."""
    real, seed = config.settings["real_data"], config.params["seed"]
    rows = [row for row in read_index(data) if row["id"] not in TRAINED_ON]
    for name, image in _read([checked_path(data, row) for row in rows[:IMAGES]]):
        yield name, image if real else with_noise(image, seed, name)


def _read(files: list[Path]) -> Iterator[tuple[str, np.ndarray]]:
    for path in files:
        yield path.stem, central(read_image(path, gray=False), LARGEST, LARGEST)


def _rows_are(real: bool, rni15: bool, dnd: bool) -> str:
    """What the rows are, as the caption begins."""
    if not real:
        noise = f"Poisson-Gaussian noise, of variance {GAIN:g} x + {READ**2:g} at a pixel of value x"
        return f"The middle of the first stand-ins for RNI15, which are clean; {noise}, was added to them."
    sets = ["RNI15"] * (rni15 or not dnd) + ["DND"] * dnd
    return f"The middle of the first images of {' and of '.join(sets)} that are no training images."


def part(image: np.ndarray) -> np.ndarray:
    """What is shown of an image: a square in its middle, at most two thirds of the shorter side."""
    side = min(SIDE, 2 * min(image.shape[:2]) // 3)
    return shown(central(to_uint8(image), side, side), SIDE)
