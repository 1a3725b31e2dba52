"""Figure 4: denoised images side by side, with a region enlarged."""

import numpy as np

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.dag.indexed import checked_path, read_index
from redenoise.data.images import read_image
from redenoise.measure.items import to_uint8
from redenoise.measure.metrics import psnr
from redenoise.measure.noise import add_noise
from redenoise.support.numbers import fixed
from stages.illustrate.canvas import Figure, below, beside, boxed, central, framed, grid, not_made, panel, shown
from stages.illustrate.methods import Method, cbm3d, first_reason, learned, not_run, title_of

SIGMA = 45  # of the levels of the cascades the nearest to the paper's 50
IMAGES = 2
SIDE = 384  # of a whole image, in pixels
CROP_SIDE = 192  # of an enlarged region
LARGEST_CROP = 96
TITLE = "Figure 4 of Liu et al. 2020: enlarged regions of denoised images"


def figure4(config: Config) -> Figure:
    """The first images of Kodak, the middle of each enlarged.

    Deviations: the paper's examples are not named. It shows sigma = 50, for which there are no cascades, and the DnCNN
    of that level; here all is at 45, with the blind DnCNN, which serves every level up to 55.
    """
    shows = config.params["figures"]
    data = paths.data(config.scale, shows["photographs"])
    methods = [
        cbm3d(SIGMA),
        learned("DnCNN (blind)", paths.weights(config.scale, shows["blind"]), SIGMA),
        learned("Separate", paths.weights(config.scale, shows["separate"]), SIGMA),
        learned("Joint", paths.cascade(config.scale, shows["segmentation"]["joint"]), SIGMA),
    ]
    name = title_of("Kodak", config.settings["real_data"])
    caption = (
        f"The first images of {name} with noise of sigma = {SIGMA}, and the framed region, the middle of the image, "
        "enlarged: noisy, CBM3D, DnCNN (cdncnn_b), the proposed denoiser without high-level guidance (Separate, "
        "proposed_tasks) and with it (Joint, cascade segment_2020), ground truth. PSNR is of the whole image. The "
        "paper shows sigma = 50; the cascades have levels 15, 30, 45 and 60 only, so the whole figure is at "
        f"{SIGMA}.{not_run(methods)}"
    )
    if reason := first_reason(data):
        return not_made(TITLE, caption, reason)
    parts = []
    for row in read_index(data)[:IMAGES]:
        clean = read_image(checked_path(data, row), gray=False)
        noisy = add_noise(clean, seed=config.params["seed"], dataset=data.name, image=row["id"], sigma=SIGMA)
        parts.append(_comparison(row["id"], clean, noisy, methods))
    return Figure(TITLE, caption, framed(below(parts, gap=16)))


def _comparison(name: str, clean: np.ndarray, noisy: np.ndarray, methods: list[Method]) -> np.ndarray:
    """One image with its region framed, and that region in every version."""
    side = min(LARGEST_CROP, *(length // 3 for length in clean.shape[:2]))
    truth = shown(central(clean, side, side), CROP_SIDE)
    panels = []
    for title, image in {"Noisy": noisy, **{method.name: method(noisy) for method in methods}}.items():
        if image is None:
            panels.append(panel(None, title, like=truth))
        else:
            image = to_uint8(image)
            panels.append(
                panel(shown(central(image, side, side), CROP_SIDE), f"{title}, {fixed(psnr(image, clean), 2)} dB")
            )
    panels.append(panel(truth, "Ground truth"))
    return beside([panel(_with_frame(clean, side), name), grid([panels[:3], panels[3:]])])


def _with_frame(clean: np.ndarray, side: int) -> np.ndarray:
    """The whole image with a frame around the square of `side` pixels in its middle."""
    image = shown(clean, SIDE)
    top, left = (round((length - side) / 2 * image.shape[0] / clean.shape[0]) for length in clean.shape[:2])
    length = round(side * image.shape[0] / clean.shape[0])
    return boxed(image, top, left, length, length)
