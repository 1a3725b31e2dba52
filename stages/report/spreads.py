"""How far averages move with the seed: the files `reports/spread/<scale>.csv` of `redenoise spread`.

One line for each average and for what was varied: the seed of the noise, or that of the training. An average without a
line was measured with one seed, and nobody knows how far it moves.
"""

import math
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.support import csv_tables
from redenoise.support.errors import UserError
from redenoise.support.numbers import is_number
from stages.report.published import UNITS
from stages.report.records import DIGITS
from stages.report.results import is_noise, title
from stages.report.weights import Records

FOLDER = Path("reports/spread")
NOISE, TRAINING = "noise", "training"  # what the column `varied` may say
KEY = ["dataset", "condition", "method", "metric"]
# `values` are the averages of the `seeds`, in their order, `mean` and `std` those of these values; `image` is the
# standard deviation of a single image, root mean square over the `images`; `weights` are the first digits of the
# SHA-256 of their folder.
COLUMNS = [*KEY, "varied", "seeds", "values", "mean", "std", "image", "images", "weights", "commit"]
DECIMALS = 6
AGAIN = "run `redenoise spread` again"

Average = tuple[str, str, str, str]  # as `KEY`


@dataclass(frozen=True)
class Spread:
    """How far one average moves from seed to seed.

    Attributes:
        seeds: how many seeds of the noise were measured, 0 where only trainings were repeated.
        mean: over these; None where they were measured with other weights than the run's.
        noise: standard deviation of the average over seeds of the noise. Every image has noise of its own, so this is
            that of a single image divided by the root of their number, which is known much better than the standard
            deviation of a few averages.
        trainings: how many trainings with different seeds were measured, or 0.
        training: standard deviation of their averages; what a training does it does to all images.
        noise_image, training_image: the same two of a single image.
    """

    seeds: int = 0
    mean: float | None = None
    noise: float = 0.0
    trainings: int = 0
    training: float = 0.0
    noise_image: float = 0.0
    training_image: float = 0.0

    @property
    def average(self) -> float:
        """Standard deviation of an average that was measured once: of its noise and its training together."""
        return math.hypot(self.noise, self.training)

    @property
    def image(self) -> float:
        """The same of a single image."""
        return math.hypot(self.noise_image, self.training_image)


def path(scale: str) -> Path:
    """The file of one scale."""
    return FOLDER / f"{scale}.csv"


def rows(scale: str) -> list[csv_tables.Row]:
    """The lines of one scale, checked; none where there is no file.

    Raises:
        UserError: the file is no such CSV, a value is no number, or mean and std are not those of the values.
    """
    file = path(scale)
    found: dict[tuple[str, ...], csv_tables.Row] = {}
    if not file.exists():
        return []
    for place, row in csv_tables.numbered(file, COLUMNS, AGAIN):
        _check(row, place)
        if found.setdefault(tuple(row[name] for name in (*KEY, "varied")), row) is not row:
            raise UserError(f"{place}: this average occurs twice; keep one of the lines")
    return list(found.values())


def load(config: Config, records: Records) -> dict[Average, Spread]:
    """What is known of every average of one scale; `records`: provenance of the run, by `<stage>-<key>`."""
    found: dict[Average, dict] = defaultdict(dict)
    today = _weights(config, records)
    for row in rows(config.scale):
        key = (row["dataset"], row["condition"], row["method"], row["metric"])
        count, std, image = len(row["seeds"].split()), float(row["std"]), float(row["image"])
        if row["varied"] == TRAINING:
            found[key] |= {"trainings": count, "training": std, "training_image": image}
            continue
        same = today.get((key[0], key[2])) in (None, row["weights"])
        mean, noise = float(row["mean"]) if same else None, image / math.sqrt(int(row["images"]))
        found[key] |= {"seeds": count, "mean": mean, "noise": noise, "noise_image": image}
    return {key: Spread(**facts) for key, facts in found.items()}


def _weights(config: Config, records: Records) -> dict[tuple[str, str], str]:
    """(data set as measured, method) to the hash of the weights that the run has used, where its record holds one."""
    found = {}
    for key in config.keys("evaluate"):
        entry = config.entry("evaluate", key)
        folder = paths.weights(config.scale, entry["family"]).as_posix()
        digest = records.get(f"evaluate-{key}", {"inputs": {}})["inputs"].get(folder)
        if digest:
            name = title(config, "evaluate", key)
            name = name if config.settings["real_data"] else f"demo:{name}"
            found[name, entry["method"]] = digest[:DIGITS]
    return found


def _check(row: dict[str, str], place: str) -> None:
    if row["varied"] not in (NOISE, TRAINING):
        raise UserError(f"{place}: varied is {row['varied']!r}; expected {NOISE} or {TRAINING}; {AGAIN}")
    if not is_noise(row["condition"]) or row["metric"] not in UNITS:
        raise UserError(f"{place}: {row['condition']!r} and {row['metric']!r} are no noise level and metric; {AGAIN}")
    seeds, values = row["seeds"].split(), row["values"].split()
    if not 2 <= len(set(seeds)) == len(seeds) == len(values):
        found = f"{row['seeds']!r} are the seeds of {len(values)} values"
        raise UserError(f"{place}: {found}; expected two different ones or more, one for each value; {AGAIN}")
    if not row["images"].isdecimal() or int(row["images"]) < 1:
        raise UserError(f"{place}: images is {row['images']!r}; expected how many the set has; {AGAIN}")
    numbers = [*(("values", value) for value in values), *((name, row[name]) for name in ("mean", "std", "image"))]
    for name, text in numbers:
        if not is_number(text) or (name in ("std", "image") and float(text) < 0):
            raise UserError(f"{place}: {name} is {text!r}; expected a finite number; {AGAIN}")
    for name, value in zip(("mean", "std"), statistics([float(text) for text in values]), strict=True):
        if abs(float(row[name]) - value) > 1.5 * 10.0**-DECIMALS:
            raise UserError(f"{place}: {name} is {row[name]}, of its values it is {value:.{DECIMALS}f}; {AGAIN}")


def statistics(values: list[float]) -> tuple[float, float]:
    """Mean and standard deviation (divided by one less than there are values)."""
    return fmean(values), stdev(values)
