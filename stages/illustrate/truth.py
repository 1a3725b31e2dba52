"""Figure 7 with a ground truth: crops of photographs with real noise beside the mean of many shots of each."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.dag.indexed import checked_path, read_index
from redenoise.data.images import read_image
from redenoise.measure.items import to_uint8
from redenoise.measure.metrics import psnr
from redenoise.support.errors import UserError
from redenoise.support.numbers import fixed
from stages.illustrate.canvas import Figure, framed, grid, not_made, panel
from stages.illustrate.methods import Method, first_reason, not_run, title_of
from stages.illustrate.real import IMAGES, compared, part, with_noise

NOISY, MEAN = "_real", "_mean"  # at the end of the ids of the two versions of a crop
TITLE = "Figure 7 of Liu et al. 2020, with a ground truth: real noise"


def figure7_truth(config: Config) -> Figure:
    """The first crops of CC15 with PSNR, and the average PSNR of all.

    Source: Nam, Hwang, Matsushita, Kim, CVPR 2016; the crops of Xu, Zhang, Zhang, Feng, ICCV 2017.

    Deviations: the paper shows DND, whose ground truth is not public.
    """
    real = config.settings["real_data"]
    data = paths.data(config.scale, config.params["figures"]["real_pairs"])
    methods = [Method("Noisy", lambda noisy: noisy), *compared(config)]
    set_is = f"{title_of('CC15', real)}, with noise {'of a camera' if real else 'as in the figure without it'}"
    caption = (
        f"The middle of the first crops of {set_is}, denoised as in figure 7, beside the ground truth, "
        f"{'the mean of many shots' if real else 'which is the stand-in itself'}. PSNR is of the whole crop. The paper "
        f"shows images of DND: this is not its experiment.{not_run(methods)}"
    )
    if reason := first_reason(data):
        return not_made(TITLE, caption, reason)
    rows: list[list[np.ndarray]] = []
    found: dict[str, list[float]] = {method.name: [] for method in methods if not method.missing}
    for name, noisy, clean in _pairs(config, data):
        panels = []
        for method in methods:
            version = method(noisy.astype(np.float32))
            if version is None:
                panels.append(panel(None, like=part(clean)))
                continue
            image = to_uint8(version)
            found[method.name].append(psnr(image, clean))
            panels.append(panel(part(image), f"{fixed(found[method.name][-1], 2)} dB"))
        rows.append([*panels, panel(part(clean), name)])
    means = ", ".join(f"{name} {fixed(float(np.mean(values)), 2)} dB" for name, values in found.items())
    table = grid(rows[:IMAGES], [*(method.name for method in methods), "Ground truth"])
    return Figure(TITLE, f"{caption} On average over all {len(rows)} crops: {means}.", framed(table))


def _pairs(config: Config, data: Path) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Name, noisy and clean pixels, uint8 (H, W, 3), of every crop; stand-ins, which are clean, are made noisy."""
    images = {row["id"]: read_image(checked_path(data, row), gray=False) for row in read_index(data)}
    if not config.settings["real_data"]:
        for name, clean in images.items():
            yield name, with_noise(clean, config.params["seed"], name), clean
        return
    crops = [name.removesuffix(NOISY) for name in images if name.endswith(NOISY)]
    if not crops or any(crop + MEAN not in images for crop in crops):
        line = f"{data}: no images, or one, whose ids end in {NOISY} and {MEAN}, expected two of every crop"
        raise UserError(f"{line}; correct figures.real_pairs in params.yaml, or the list of its entry")
    for crop in crops:
        yield crop, images[crop + NOISY], images[crop + MEAN]
