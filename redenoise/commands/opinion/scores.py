"""Mean opinion scores with 95 % intervals.

The interval is Student's t over raters: each rater's mean over the images concerned is one observation, because the
scores of one rater depend on each other (they sum up to 10 for every image) and raters do not. It tells how far the
mean would move with other raters and the same images; other images are another question, which ten images cannot
answer. It is cut off at the lowest and the highest score, and one rater has none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t

from redenoise.commands.opinion.ratings import Key, Rating

CONFIDENCE = 0.95
AVERAGE = "average"


@dataclass(frozen=True)
class Score:
    """A mean over raters: `low` and `high` bound the interval and are None if there is one rater alone.

    Attributes:
        dataset: title of the set, empty for both sets together.
        item: image, or `AVERAGE`.
        method: name.
        spread: standard deviation of the single scores, which is what the paper's figure calls their variance.
        raters: how many.
    """

    dataset: str
    item: str
    method: str
    mean: float
    low: float | None
    high: float | None
    spread: float
    raters: int


def summarise(ratings: list[Rating], key: Key) -> list[Score]:
    """Scores of every method over all images, over each set, and for each image; none if there are no ratings."""
    if not ratings:
        return []
    groups = {("", AVERAGE): list(key.places)}
    for image, (dataset, _) in key.places.items():
        groups.setdefault((dataset, AVERAGE), []).append(image)
    groups |= {place: [image] for image, place in key.places.items()}
    return [
        _score(*place, method, table(ratings, images, method), len(key.methods))
        for place, images in groups.items()
        for method in key.methods
    ]


def table(ratings: list[Rating], images: Sequence[str], method: str) -> np.ndarray:
    """Scores of one method, (raters, images)."""
    return np.array([[rating.scores[image][method] for image in images] for rating in ratings], dtype=float)


def interval(values: np.ndarray) -> tuple[float, float] | None:
    """The 95 % interval of the mean of independent values, Student's t; None for one value."""
    if len(values) < 2:
        return None
    half = t.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def difference(ratings: list[Rating], key: Key, first: str, second: str) -> tuple[float, tuple[float, float] | None]:
    """How much higher `first` is scored than `second` by the same raters on all images, and its interval."""
    images = list(key.places)
    values = (table(ratings, images, first) - table(ratings, images, second)).mean(axis=1)
    return float(values.mean()), interval(values)


def _score(dataset: str, item: str, method: str, values: np.ndarray, best: int) -> Score:
    bounds = interval(values.mean(axis=1))
    low, high = (max(1.0, bounds[0]), min(float(best), bounds[1])) if bounds else (None, None)
    return Score(dataset, item, method, float(values.mean()), low, high, float(values.std()), len(values))
