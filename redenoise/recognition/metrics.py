"""Top-k accuracy and mean intersection over union, with intervals, from what became of every single image."""

import numpy as np

from redenoise.data.labelled import IGNORED
from redenoise.support.errors import UserError

CONFIDENCE = 1.959963984540054  # standard normal quantile of 97.5 %
RESAMPLES = 1000
RESAMPLED_AT_ONCE = 50  # bounds the memory of the bootstrap


def ranks(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How many classes a classifier holds for likelier than the true one.

    Args:
        scores: (N, classes).
        labels: (N,) true classes.

    Returns:
        uint16 (N,); 0 is a hit at top-1. Among equal scores the lower class comes first.

    Raises:
        UserError: a score is infinite or no number; the latter would be behind every other.
    """
    if not np.isfinite(scores).all():
        wrong = np.count_nonzero(~np.isfinite(scores).all(axis=1))
        line = f"scores of {wrong} of {len(scores)} images are infinite or no numbers"
        raise UserError(f"{line}, expected one for each class; check the weights of the networks")
    true = np.take_along_axis(scores, labels[:, np.newaxis], axis=1)
    before = np.arange(scores.shape[1]) < labels[:, np.newaxis]
    return ((scores > true) | ((scores == true) & before)).sum(axis=1).astype(np.uint16)


def overlaps(predicted: np.ndarray, mask: np.ndarray, classes: int) -> np.ndarray:
    """Counts of one image for its mean intersection over union; pixels of mask value 255 are left out.

    Args:
        predicted, mask: (H, W) classes of pixels.

    Returns:
        int64 (classes, 3): intersection, predicted pixels, true pixels.
    """
    counted = mask != IGNORED
    predicted, mask = predicted[counted], mask[counted]
    counts = [np.bincount(found, minlength=classes) for found in (mask[predicted == mask], predicted, mask)]
    return np.stack(counts, axis=1).astype(np.int64)


def top_k(found: np.ndarray, k: int) -> float:
    """Share in % of images whose true class is among the first k, from `ranks`."""
    return 100.0 * np.count_nonzero(found < k) / len(found)


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share, in %."""
    share, z = hits / count, CONFIDENCE
    middle = share + z * z / (2 * count)
    half = z * np.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    low, high = ((middle + sign * half) / (1 + z * z / count) for sign in (-1, 1))
    return 100.0 * max(0.0, float(low)), 100.0 * min(1.0, float(high))


def mean_iou(counts: np.ndarray) -> np.ndarray:
    """Mean intersection over union in % over the classes that occur, without CRF, over a whole set.

    Args:
        counts: (..., classes, 3), of `overlaps`, summed over the images of a set.
    """
    intersection, predicted, true = np.moveaxis(np.asarray(counts, dtype=np.float64), -1, 0)
    union = predicted + true - intersection
    share = np.divide(intersection, union, out=np.zeros_like(union), where=union > 0)
    return 100.0 * share.sum(axis=-1) / np.maximum(1, (union > 0).sum(axis=-1))


def bootstrap_iou(counts: np.ndarray, seed: int) -> tuple[float, float]:
    """95 % interval of the mean intersection over union in %, by drawing images with replacement 1,000 times.

    Args:
        counts: (images, classes, 3), of `overlaps`.
        seed: of the draws.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    images = len(counts)
    flat = counts.reshape(images, -1).astype(np.float64)
    values = []
    for _ in range(RESAMPLES // RESAMPLED_AT_ONCE):
        drawn = random.multinomial(images, np.full(images, 1.0 / images), size=RESAMPLED_AT_ONCE)
        values.append(mean_iou((drawn @ flat).reshape(RESAMPLED_AT_ONCE, *counts.shape[1:])))
    low, high = np.percentile(np.concatenate(values), [2.5, 97.5])
    return float(low), float(high)
