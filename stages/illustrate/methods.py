"""The denoisers whose results the figures show, and why one of them may not be there."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from redenoise.dag.indexed import checked_path, read_index, unavailable_reason
from redenoise.data.images import read_image
from redenoise.models import filters
from redenoise.recognition.denoisers import Learned
from redenoise.support.errors import UserError
from stages.illustrate.canvas import central

PHOTOGRAPHS = "_photographs"  # at the end of the name of a task on photographs that anybody may fetch
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Method:
    """A denoiser at one noise level.

    Attributes:
        name: as the figures print it.
        work: float32 (H, W, 3) on the [0, 255] scale to the same, not clipped; None where it cannot run.
        missing: why it cannot; empty if it can.
    """

    name: str
    work: Callable[[np.ndarray], np.ndarray] | None
    missing: str = ""

    def __call__(self, noisy: np.ndarray) -> np.ndarray | None:
        """The denoised image, float32 and not clipped, or None."""
        return None if self.work is None else self.work(noisy).astype(np.float32)


def learned(name: str, folder: Path, sigma: float) -> Method:
    """The networks of a family or of a cascade at one noise level, on the [0, 255] scale."""
    network = Learned(folder, CPU)
    if reason := unavailable_reason(folder) or network.missing_levels().get(sigma):
        return Method(name, None, reason)
    return Method(name, lambda noisy: network(noisy[np.newaxis], sigma)[0])


def cbm3d(sigma: float) -> Method:
    """CBM3D at one noise level; it is left out where its package is not installed."""
    method = filters.load("bm3d")
    try:
        method.version()
    except UserError as error:
        return Method("CBM3D", None, str(error))
    return Method("CBM3D", lambda noisy: filters.denoise(method, noisy, sigma))


def not_run(methods: Iterable[Method]) -> str:
    """Sentences that say which methods are not there, and why; empty if all are."""
    return "".join(f" {method.name} was not run: {method.missing}." for method in methods if method.missing)


def example(data: Path, side: int) -> tuple[str, np.ndarray]:
    """Name and middle of the first image of a data set in gray, float64 (H, W), at most `side` by `side` pixels.

    The sides are multiples of 6, so that super-resolution by 2 and 3 can start from them.
    """
    row = read_index(data)[0]
    image = read_image(checked_path(data, row), gray=True).astype(np.float64)
    return row["id"], central(image, *(min(side, length) // 6 * 6 for length in image.shape))


def tensor(image: np.ndarray) -> torch.Tensor:
    """An image, (H, W, 3) on the [0, 255] scale, as float32 (1, 3, H, W) on the [0, 1] scale."""
    return torch.from_numpy(image.astype(np.float32) / 255.0).permute(2, 0, 1)[None].contiguous()


def first_reason(*folders: Path) -> str | None:
    """Why the first of the folders that are empty is so, or None."""
    return next(filter(None, map(unavailable_reason, folders)), None)


def not_printed(part: str) -> tuple[str, str]:
    """What to add to the title of a figure, and before its caption, if a part of `figures` is not of the paper."""
    if not part.endswith(PHOTOGRAPHS):
        return "", ""
    return ", on other photographs", "Not the printed experiment, see docs/photographs.md. "


def title_of(title: str, real: bool) -> str:
    """How a caption names a data set."""
    return title if real else f"the stand-ins for {title}"
