"""What became of every single image in a recognition, and how sure a difference of two methods is.

Both methods see the same images with the same noise, so the error of a difference is that of paired values. It is much
smaller than the two intervals suggest, which also hold what makes an image hard for every method.
"""

import zipfile
import zlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from redenoise.support.errors import UserError
from redenoise.support.files import plain

RESAMPLES = 1000
SEED = 0
MAX_BYTES = 1 << 30  # of one array; ImageNet's 50,000 ranks need 100 kB, VOC's 1,449 images of 21 classes 730 kB
DAMAGED = (OSError, ValueError, EOFError, KeyError, MemoryError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Difference:
    """One method minus another, in percentage points, with its standard error and the number of images of both."""

    value: float
    error: float
    images: int


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What became of the images of one set.

    Attributes:
        found: for `top1` uint8 (images,), 1 where the true class came first; for `miou` int64 (images, classes, 3):
            pixels in the intersection, predicted, and true.
    """

    found: np.ndarray

    def __len__(self) -> int:
        return len(self.found)

    def first(self, images: int) -> "Outcomes":
        """Those of the first images."""
        return self if images == len(self) else Outcomes(self.found[:images])

    @property
    def accuracy(self) -> float:
        """Top-1 accuracy or mean intersection over union in %."""
        return float(100 * self.found.mean()) if self.found.ndim == 1 else float(_miou(self.found.sum(axis=0)))

    @cached_property
    def resampled(self) -> np.ndarray:
        """(RESAMPLES,) mean intersections over union in %, of images drawn with replacement.

        Sums of whole numbers, so they have no order of summation; sets of one size have the same draws.
        """
        totals = _weights(len(self)) @ self.found.reshape(len(self), -1).astype(np.float64)
        return _miou(totals.reshape(RESAMPLES, *self.found.shape[1:]))


def read(path: Path, condition: str, metric: str) -> Outcomes:
    """The outcomes of one condition.

    Args:
        path: the .npz file of a node.
        condition: such as `sigma=15`.
        metric: `top1` or `miou`.

    Raises:
        UserError: the file is missing or damaged, or holds no such array.
    """
    try:
        with zipfile.ZipFile(plain(path)) as archive:
            size = archive.getinfo(f"{condition}.npy").file_size
        if size > MAX_BYTES:
            raise ValueError(f"{condition} has {size} bytes, expected at most {MAX_BYTES}")
        with np.load(path, allow_pickle=False) as arrays:
            found = arrays[condition]
        _check(found, metric)
    except FileNotFoundError:
        raise UserError(f"{path}: missing; run the recognition that makes it") from None
    except DAMAGED as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{path}: damaged ({reason}); delete it and run its recognition again") from None
    return Outcomes((found == 0).astype(np.uint8) if metric == "top1" else found.astype(np.int64))


def difference(lower: Outcomes, higher: Outcomes) -> Difference:
    """`higher` minus `lower`, over the first images, which both have.

    The standard error of a difference of top-1 accuracies is that of the mean of the paired differences of the images;
    that of mean intersections over union comes from `RESAMPLES` bootstrap draws of images, the same for both methods.
    It is zero for a single image.
    """
    images = min(len(lower), len(higher))
    lower, higher = lower.first(images), higher.first(images)
    value = higher.accuracy - lower.accuracy
    if images < 2:
        return Difference(value, 0.0, images)
    if lower.found.ndim == 1:
        paired = higher.found.astype(np.float64) - lower.found
        return Difference(value, float(100 * paired.std(ddof=1) / images**0.5), images)
    return Difference(value, float((higher.resampled - lower.resampled).std(ddof=1)), images)


def _check(found: np.ndarray, metric: str) -> None:
    shape = 1 if metric == "top1" else 3
    if found.dtype.kind not in "iu" or found.ndim != shape or 0 in found.shape:
        raise ValueError(f"an array of {found.dtype} {found.shape}, expected whole numbers in {shape} dimensions")
    if found.min() < 0:
        raise ValueError(f"it holds {found.min()}, expected numbers from 0")
    if metric == "miou" and (found.shape[2] != 3 or (found[..., 0] > found[..., 1:].min(axis=2)).any()):
        raise ValueError("an intersection is larger than what it is part of")


def _miou(counts: np.ndarray) -> np.ndarray:
    """(..., classes, 3) pixels to the mean over classes in %; a class neither there nor predicted has no part in it."""
    union = counts[..., 1] + counts[..., 2] - counts[..., 0]
    ratio = np.divide(counts[..., 0], union, out=np.zeros(union.shape), where=union > 0)
    return 100 * ratio.sum(axis=-1) / np.maximum(1, (union > 0).sum(axis=-1))


@lru_cache(maxsize=2)
def _weights(images: int) -> np.ndarray:
    """(RESAMPLES, images): how often each image is drawn; the same for every pair of methods."""
    draws = np.random.default_rng(SEED).integers(images, size=(RESAMPLES, images))
    return np.stack([np.bincount(draw, minlength=images) for draw in draws]).astype(np.float64)
