"""What the recognition stages measured: accuracies with their intervals, and why there are none."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.dag.results import read_results
from redenoise.dag.table import RECOGNIZING
from redenoise.support.errors import UserError
from redenoise.support.numbers import fixed
from stages.report.results import AGAIN, AVERAGE, DEMO_PREFIX, Gaps, Score, check_value, value_of

ACCURACIES = ("top1", "top5", "miou")  # each with an interval, `<metric>_low` and `<metric>_high`
IMAGES = "images"
UNITS = {f"{metric}{end}": "%" for metric in ACCURACIES for end in ("", "_low", "_high")}
UNITS |= {"psnr": "dB", IMAGES: "count"}
ACCURACY_COLUMNS = ["task", "method", "condition", "metric", "value", "low", "high", "images"]

Place = tuple[str, str, str]  # title of the set without the mark of the demo, method, condition


@dataclass(frozen=True, kw_only=True)
class Recognized(Gaps):
    """All measured accuracies.

    Attributes:
        scores: place to metric to value, in the order of params.yaml.
        nodes: (title of the set, method) to (stage, key), also of nodes that measured nothing.
    """

    scores: dict[Place, dict[str, Score]]
    nodes: dict[tuple[str, str], tuple[str, str]]

    def methods(self, title: str) -> list[str]:
        """The methods that any node measures on a set, also those that measured nothing."""
        return [method for found, method in self.nodes if found == title]


def nodes(config: Config) -> list[tuple[str, str]]:
    """(stage, key) of every node that measures a high-level task."""
    return [(stage, key) for stage in RECOGNIZING for key in config.keys(stage)]


def title(config: Config, stage: str, key: str) -> str:
    """Printed title of the set that a node measures, without the mark of the demo."""
    return config.entry("labelled", config.entry(stage, key)["data"])["title"]


def load(config: Config, records: dict[str, dict[str, Any]]) -> Recognized:
    """Read the results of every node.

    Raises:
        UserError: a file is missing or malformed, or two nodes measure one method on one set.
    """
    scores: dict[Place, dict[str, Score]] = {}
    places: dict[tuple[str, str], tuple[str, str]] = {}
    gaps = Gaps()
    for stage, key in nodes(config):
        place = (title(config, stage, key), config.entry(stage, key)["method"])
        path = paths.results(config.scale, key)
        if place in places:
            raise UserError(f"{path}: {'/'.join(place)} is measured twice; one method and set need one node")
        places[place] = (stage, key)
        if f"{stage}-{key}" not in records:
            gaps.note_not_yet(place, config, key)
            continue
        found = _read(path, ("" if config.settings["real_data"] else DEMO_PREFIX) + place[0], place[1])
        scores |= {(*place, condition): values for condition, values in found.items()}
        gaps.note(place, records[f"{stage}-{key}"], found)
    return Recognized(scores=scores, nodes=places, **vars(gaps))


def accuracies(config: Config, recognized: Recognized) -> list[tuple[str, ...]]:
    """Every measured value, by `ACCURACY_COLUMNS`, with four decimals; low and high are empty for a PSNR."""
    rows = []
    for (found, method, condition), values in recognized.scores.items():
        task = config.entry(*recognized.nodes[found, method])["task"]
        for metric, score in values.items():
            ends = ("" if end is None else f"{end:.4f}" for end in (score.low, score.high))
            rows.append((task, method, condition, metric, fixed(score.value, 4), *ends, str(score.images)))
    return rows


def _read(path: Path, dataset: str, method: str) -> dict[str, dict[str, Score]]:
    """Condition to metric to value of one node's results."""
    values: dict[str, dict[str, float]] = {}
    notes: dict[str, str] = {}
    for place, row in read_results(path, AGAIN):
        for name, value in {"dataset": dataset, "item": AVERAGE, "method": method}.items():
            if row[name] != value:
                raise UserError(f"{place}: {name} is {row[name]!r}; expected {value!r}, {AGAIN}")
        check_value(row, place, {metric: (unit,) for metric, unit in UNITS.items()})
        found = values.setdefault(row["condition"], {})
        if row["metric"] in found:
            raise UserError(f"{place}: {row['condition']}/{row['metric']} occurs twice; {AGAIN}")
        if (number := value_of(row)) is None:
            raise UserError(f"{place}: the value is empty; expected a number, {AGAIN}")
        found[row["metric"]], notes[row["condition"]] = number, row["note"]
    return {condition: _scores(found, f"{path}: {condition}", notes[condition]) for condition, found in values.items()}


def _scores(found: dict[str, float], place: str, note: str) -> dict[str, Score]:
    images = found.get(IMAGES, 0.0)
    if images < 1 or images != int(images):
        raise UserError(f"{place}: images is {images:g}; expected how many were measured, {AGAIN}")
    scores = {}
    for metric in filter(found.__contains__, ACCURACIES):
        value, low, high = found[metric], found.get(f"{metric}_low"), found.get(f"{metric}_high")
        if low is None or high is None or not 0 <= low <= high <= 100 or not 0 <= value <= 100:
            line = f"{place}: {metric} is {value:g} in the interval {[low, high]}"
            raise UserError(f"{line}; expected percentages and both ends, {AGAIN}")
        scores[metric] = Score(value, low, high, int(images), note)
    if "psnr" in found:
        scores["psnr"] = Score(found["psnr"], images=int(images), note=note)
    return scores
