"""Figure 6: what a segmentation network sees in denoised images."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.data.labelled import CLASSES, IGNORED, Example, read_image_of, read_labelled, read_mask_of
from redenoise.measure.items import to_uint8
from redenoise.measure.metrics import psnr
from redenoise.measure.noise import add_noise
from redenoise.models import recognizers
from redenoise.models.weights import load_network
from redenoise.recognition.metrics import mean_iou, overlaps
from redenoise.support.files import read_json
from redenoise.support.numbers import fixed
from stages.illustrate.canvas import Figure, below, beside, framed, grid, not_made, panel, shown, words
from stages.illustrate.methods import Method, first_reason, learned, not_printed, not_run, tensor, title_of

SIGMA = 45
IMAGES = 2
SIDE = 256  # of a panel, in pixels
LEGEND_COLUMNS = 6
SWATCH = 13  # side of a square of the legend, in pixels
TITLE = "Figure 6 of Liu et al. 2020{}: segmentation of denoised images"


class Column(NamedTuple):
    """One version of an image as it is shown, uint8 (h, w, 3), its classes, uint8 (H, W), and what to print below."""

    image: np.ndarray | None
    classes: np.ndarray | None
    quality: str = ""
    score: str = ""


def figure6(config: Config, part: str = "segmentation", other: str = "classification") -> Figure:
    """The first images of the segmentation test set: denoised, and the label maps found in them.

    Args:
        part, other: of `figures` in params.yaml: the paper's tasks, or those on photographs.

    Deviations: the paper's examples and its noise level are not printed, no region is enlarged here, and the noisy
    image is added; on photographs what is found in the clean image, too.
    """
    shows = config.params["figures"]
    data, task = paths.labelled(config.scale, shows[part]["data"]), paths.task(config.scale, shows[part]["task"])
    denoisers = before_task(config, part, other)
    labelled, (mark, before) = config.params["labelled"][shows[part]["data"]], not_printed(part)
    name, title = title_of(labelled["title"], config.settings["real_data"]), TITLE.format(mark)
    caption = (
        f"{before}The first images of {name} ({labelled['split']}), with noise of sigma = {SIGMA}: noisy, denoised by "
        "the proposed network alone (Separate), trained through the segmentation network (Joint Training), and through "
        "the classifier (Cross-Task); below, the true label map and those that the segmentation network finds in them. "
        "Ignored pixels are white. PSNR and mean intersection over union are of this image alone. The paper does not "
        f"print its noise level, and enlarges a region and does not show the noisy image.{not_run(denoisers)}"
    )
    if reason := first_reason(data, task) or none_of(denoisers):
        return not_made(title, caption, reason)
    methods = [Method("Noisy", lambda noisy: noisy), *denoisers]
    network, _ = load_network(task / "model.safetensors", build=recognizers.build)
    rows: list[list[np.ndarray]] = []
    seen: set[int] = set()
    for example in read_labelled(data)[:IMAGES]:
        columns = list(_columns(example, (config.params["seed"], data.name), methods, network, bool(mark)))
        like = columns[0].image
        rows.append([panel(column.image, column.quality, like) for column in columns])
        rows.append([panel(_coloured(column.classes), column.score, like) for column in columns])
        seen.update(*(np.unique(column.classes).tolist() for column in columns if column.classes is not None))
    table = grid(rows, ["Ground truth", *(["Clean"] if mark else []), *(method.name for method in methods)])
    names = legend(read_json(data / CLASSES), sorted(seen - {IGNORED}))
    return Figure(title, caption, framed(below([table, names], gap=12)))


def before_task(config: Config, part: str, other: str) -> list[Method]:
    """The denoisers in front of the network of a task; `part` and `other` as of `figure6`."""
    shows = config.params["figures"]
    return [
        learned("Separate", paths.weights(config.scale, shows["separate"]), SIGMA),
        learned("Joint Training", paths.cascade(config.scale, shows[part]["joint"]), SIGMA),
        learned("Joint Training (Cross-Task)", paths.cascade(config.scale, shows[other]["joint"]), SIGMA),
    ]


def none_of(methods: list[Method]) -> str:
    """Why the first method is not there, if none is."""
    return methods[0].missing if all(method.missing for method in methods) else ""


def predicted(network: recognizers.TaskNetwork, image: np.ndarray) -> np.ndarray:
    """The class of each pixel, uint8 (H, W), of an image, (H, W, 3), [0, 255] scale, which need not be clipped."""
    with torch.inference_mode():
        return network(tensor(image))[0].argmax(dim=0).numpy().astype(np.uint8)


def palette() -> np.ndarray:
    """The colours of Pascal VOC, uint8 (256, 3), from the bits of the class; ignored pixels are white here."""
    classes = np.arange(256)
    colours = np.zeros((256, 3), dtype=np.uint8)
    for bit in range(8):
        for channel in range(3):
            colours[:, channel] |= (((classes >> (3 * bit + channel)) & 1) << (7 - bit)).astype(np.uint8)
    colours[IGNORED] = 255
    return colours


def legend(names: Sequence[str], classes: Sequence[int]) -> np.ndarray:
    """Squares in the colours of classes, with their names."""
    entries = []
    for number in classes:
        square = np.broadcast_to(palette()[number], (SWATCH, SWATCH, 3))
        name = names[number] if number < len(names) else f"class {number}"  # of a network that knows more classes
        entries.append(beside([square, words(name, 140, centred=False)]))
    return below([beside(entries[first : first + LEGEND_COLUMNS]) for first in range(0, len(entries), LEGEND_COLUMNS)])


def _columns(
    example: Example, noise: tuple[int, str], methods: list[Method], network: recognizers.TaskNetwork, unspoilt: bool
) -> Iterator[Column]:
    """The truth, and what each method and the segmentation network make of the noisy image; empty where not run.

    Args:
        unspoilt: whether what the network makes of the clean image comes between.
    """
    clean, mask = read_image_of(example), read_mask_of(example, network.classes)
    noisy = add_noise(clean, seed=noise[0], dataset=noise[1], image=example.id, sigma=SIGMA)
    yield Column(shown(clean, SIDE), mask)
    if unspoilt:
        found = predicted(network, clean)
        yield Column(shown(clean, SIDE), found, score=_score(found, mask, network.classes))
    for method in methods:
        denoised = method(noisy)
        if denoised is None:
            yield Column(None, None)
            continue
        found, image = predicted(network, denoised), to_uint8(denoised)
        score = _score(found, mask, network.classes)
        yield Column(shown(image, SIDE), found, f"{fixed(psnr(image, clean), 2)} dB", score)


def _score(found: np.ndarray, mask: np.ndarray, classes: int) -> str:
    return f"mIoU {float(mean_iou(overlaps(found, mask, classes))):.1f} %"


def _coloured(classes: np.ndarray | None) -> np.ndarray | None:
    """A label map in colours, at the size of `shown`; a large one loses pixels, and no colours are mixed."""
    if classes is None:
        return None
    step = -(-max(classes.shape) // SIDE)
    return shown(palette()[classes[::step, ::step]], SIDE)
