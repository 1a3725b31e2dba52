"""What the stages measured: the results of all nodes, and the averages over whole sets."""

import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.dag.results import read_results
from redenoise.dag.table import OF_SETS
from redenoise.support import csv_tables
from redenoise.support.errors import UserError
from redenoise.support.numbers import EXACT, fixed, is_number
from stages.report.kinds import symbol
from stages.report.published import UNITS
from stages.report.tables import SET_SIZES

AVERAGE_COLUMNS = ("dataset", "method", "sigma", "psnr")
RESTORED_COLUMNS = ("dataset", "method", "condition", "metric", "value")
AVERAGE = "average"
DEMO_PREFIX = "demo:"
AGAIN = "run its stage again"
ARCHITECTURE = "architecture"  # the node that counts parameters

Key = tuple[str, str, str, str, str]  # dataset, item, condition, method, metric


@dataclass(frozen=True)
class Score:
    """A measured value; of an accuracy in % with its 95 % interval; `images`: over how many, where its node says so.

    `note` is what restricts it.
    """

    value: float
    low: float | None = None
    high: float | None = None
    images: int | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Gaps:
    """Why there are no values, by printed title of the data set.

    Attributes:
        unavailable: (title, method) to why its node could measure nothing.
        without: (title, method, condition) to why its node left out this condition.
    """

    unavailable: dict[tuple[str, str], str] = field(default_factory=dict)
    without: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def note_not_yet(self, place: tuple[str, str], config: Config, key: str) -> None:
        """Take in that a node has not run."""
        self.unavailable[place] = not_yet(config, key)

    def note(self, place: tuple[str, str], record: dict[str, Any], measured: object) -> None:
        """Take in what the record of a node says, and whether it has measured anything."""
        levels = record.get("unavailable_levels", {})
        self.without.update({(*place, condition): reason for condition, reason in levels.items()})
        if not measured:
            nothing = "; ".join(dict.fromkeys(levels.values())) or f"node {record['key']} measured nothing"
            self.unavailable[place] = record.get("unavailable", nothing)

    def why(self, title: str, method: str, condition: str) -> str | None:
        """Why a method has no value under one condition, as far as its node says."""
        return self.unavailable.get((title, method)) or self.without.get((title, method, condition))


def not_yet(config: Config, key: str) -> str:
    """That the node which writes the results of a name has not run, and the command that runs it."""
    command = f"snakemake --cores all --config scale={config.scale} -- {paths.results(config.scale, key)}"
    return f"not measured yet; {command}"


@dataclass(frozen=True, kw_only=True)
class Measured(Gaps):
    """All measured values.

    Attributes:
        values: (dataset, item, condition, method, metric) to value, infinite for a PSNR without any error; the item
            `average` stands for the whole set and is there only if every image of the set was measured.
        notes: what restricts a value, or why there is none, by the same key.
        items: images of each data set, in the order of the results.
        methods: methods measured on each data set, in the order of the results.
        counts: (name of a network or filter, metric) to what the stage `architecture` counts of it.
    """

    values: dict[Key, float]
    notes: dict[Key, str] = field(default_factory=dict)
    items: dict[str, list[str]]
    methods: dict[str, list[str]]
    counts: dict[tuple[str, str], int]


def nodes(config: Config) -> list[tuple[str, str]]:
    """(stage, key) of every node whose results the report joins."""
    return [(stage, key) for stage in OF_SETS for key in config.keys(stage)]


def title(config: Config, stage: str, key: str) -> str:
    """Printed title of the data set that a node measures, without the mark of the demo."""
    entry = config.entry(stage, key)
    if "data" in entry:
        return config.entry("labelled", entry["data"])["title"]
    return config.entry("download", config.dataset(entry))["title"]


def load(config: Config, records: dict[str, dict[str, Any]], printed_items: dict[str, set[str]]) -> Measured:
    """Read the results of every node and average them.

    Args:
        records: provenance of all nodes that have run, by `<stage>-<key>`.
        printed_items: ids of a set's images where the papers print single images; an average over that set needs
            exactly these. Averages over other sets need as many images as `SET_SIZES` says.

    Raises:
        UserError: a file is missing or malformed, or two rows have one key.
    """
    found: dict[Key, tuple[float | None, str]] = {}
    gaps = Gaps()
    for stage, key in nodes(config):
        place = title(config, stage, key), config.entry(stage, key)["method"]
        if f"{stage}-{key}" not in records:
            gaps.note_not_yet(place, config, key)
            continue
        rows = _read_rows(path := paths.results(config.scale, key))
        if twice := next((row for row in rows if row in found), None):
            raise UserError(f"{path}: {'/'.join(twice)} is measured twice; one method and set need one node")
        _check_owner(config, (stage, key), rows)
        found |= rows
        gaps.note(place, records[f"{stage}-{key}"], rows)
    values = {key: value for key, (value, _) in found.items() if value is not None}
    notes = {key: note for key, (_, note) in found.items() if note}
    items = _by_dataset((dataset, item) for dataset, item, *_ in found)
    expected = {name: printed_items.get(name) or SET_SIZES.get(name) or set(images) for name, images in items.items()}
    notes |= _whole(notes, expected)
    means, left_out = _averages(values, expected)
    return Measured(
        values=values | means,
        notes=notes | {key: "; ".join(filter(None, (notes.get(key), text))) for key, text in left_out.items()},
        items=items,
        methods=_by_dataset((dataset, method) for dataset, _, _, method, _ in found),
        counts=_read_counts(paths.results(config.scale, ARCHITECTURE)) if ARCHITECTURE in records else {},
        **vars(gaps),
    )


def _by_dataset(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Each name once, in the order of the results, by its data set."""
    found: dict[str, list[str]] = defaultdict(list)
    for dataset, name in dict.fromkeys(pairs):
        found[dataset].append(name)
    return dict(found)


def check_value(row: csv_tables.Row, place: str, units: Mapping[str, Collection[str]]) -> None:
    """Raise `UserError` for a line of results whose metric, unit or value is none of those that its stage writes."""
    if row["unit"] not in units.get(row["metric"], ()):
        raise UserError(f"{place}: metric {row['metric']!r} in {row['unit']!r} is not known; {AGAIN}")
    exact, empty = row["value"] == EXACT and row["metric"] == "psnr", not row["value"] and row["note"]
    if not (is_number(row["value"]) or exact or empty):
        raise UserError(f"{place}: value is {row['value']!r}; expected a finite number, {AGAIN}")


def value_of(row: csv_tables.Row) -> float | None:
    """The value of a checked line: infinite for `exact`, None where it is empty."""
    return math.inf if row["value"] == EXACT else float(row["value"]) if row["value"] else None


def is_noise(condition: str) -> bool:
    """Whether a condition is a noise level, such as `sigma=25`; other tasks have other conditions."""
    return re.fullmatch(r"sigma=[0-9]{1,6}", condition) is not None


def level_of(condition: str) -> int:
    """The level of a condition that has one: noise on the [0, 255] scale, a scale, a quality."""
    return int(condition.partition("=")[2])


def shown_level(condition: str) -> str:
    """A condition in words: `σ 25`, `scale 3`, `task deraining`."""
    name, _, level = condition.partition("=")
    return f"{symbol(name)} {level}"


def averages(measured: Measured) -> list[tuple[str, str, int, str]]:
    """Average PSNR of every measured method, by `AVERAGE_COLUMNS`, in dB with four decimals, or `exact`."""
    return sorted(
        (dataset, method, level_of(condition), fixed(value, 4))
        for (dataset, item, condition, method, metric), value in measured.values.items()
        if item == AVERAGE and metric == "psnr" and is_noise(condition)
    )


def restored(measured: Measured) -> list[tuple[str, str, str, str, str]]:
    """Averages over the degraded sets, by `RESTORED_COLUMNS`: four decimals, or `exact`; levels by their size."""
    found = [
        (dataset, method, condition, metric, fixed(value, 4))
        for (dataset, item, condition, method, metric), value in measured.values.items()
        if item == AVERAGE and not is_noise(condition)
    ]
    return sorted(found, key=lambda row: (*row[:2], level_of(row[2]), *row[2:]))


def _check_owner(config: Config, node: tuple[str, str], rows: Iterable[Key]) -> None:
    """Raise `UserError` for a value of another data set or method than those of its node."""
    name, method = title(config, *node), config.entry(*node)["method"]
    name = name if config.settings["real_data"] else DEMO_PREFIX + name
    if wrong := next((row for row in rows if (row[0], row[3]) != (name, method)), None):
        line = f"{paths.results(config.scale, node[1])}: {'/'.join(wrong)}: expected values of {name} and {method}"
        raise UserError(f"{line}; {AGAIN}")


def _read_rows(path: Path) -> dict[Key, tuple[float | None, str]]:
    """Value and note of every line."""
    rows: dict[Key, tuple[float | None, str]] = {}
    for place, row in read_results(path, AGAIN):
        check_value(row, place, UNITS)
        if row["item"] == AVERAGE:
            raise UserError(f"{place}: results hold single images, found an average; remove the row")
        key = (row["dataset"], row["item"], row["condition"], row["method"], row["metric"])
        if key in rows:
            raise UserError(f"{place}: {'/'.join(key)} occurs twice; {AGAIN}")
        rows[key] = value_of(row), row["note"]
    return rows


def _read_counts(path: Path) -> dict[tuple[str, str], int]:
    """Counts by name and metric; the rows have no data set and no condition."""
    found = {(item, metric): value or 0.0 for (_, item, _, _, metric), (value, _) in _read_rows(path).items()}
    for (item, metric), value in found.items():
        if value != int(value) or value < 0:
            raise UserError(f"{path}: {metric} of {item} is {value}; expected a whole number, run its stage again")
    return {place: int(value) for place, value in found.items()}


def _averages(values: dict[Key, float], expected: dict[str, set[str] | int]) -> tuple[dict[Key, float], dict[Key, str]]:
    """Means over whole sets, without exact values unless all are, and how many of these were left out.

    A set of which any expected image is missing, or has too many, has no mean.
    """
    groups: dict[tuple[str, str, str, str], dict[str, float]] = defaultdict(dict)
    for (dataset, item, condition, method, metric), value in values.items():
        groups[dataset, condition, method, metric][item] = value
    means, left_out = {}, {}
    for (dataset, condition, method, metric), images in groups.items():
        wanted = expected[dataset]
        if len(images) == wanted if isinstance(wanted, int) else set(images) == wanted:
            key = (dataset, AVERAGE, condition, method, metric)
            finite = [value for value in images.values() if value != math.inf]
            # fsum: the mean must not depend on the order of the images.
            means[key] = math.fsum(finite) / len(finite) if finite else math.inf
            if 0 < len(finite) < len(images):
                left_out[key] = f"{len(images) - len(finite)} of {len(images)} images are exact and left out"
    return means, left_out


def _whole(notes: dict[Key, str], expected: dict[str, set[str] | int]) -> dict[Key, str]:
    """What the notes of single images say of averages: the note that all have, else that of the first image."""
    groups: dict[Key, dict[str, str]] = defaultdict(dict)
    for (dataset, item, condition, method, metric), note in notes.items():
        groups[dataset, AVERAGE, condition, method, metric][item] = note
    found = {}
    for key, images in groups.items():
        wanted = expected[key[0]]
        count = wanted if isinstance(wanted, int) else len(wanted)
        same = len(set(images.values())) == 1 and len(images) == count
        item, note = next(iter(images.items()))
        found[key] = note if same else f"{item}: {note}"
    return found
