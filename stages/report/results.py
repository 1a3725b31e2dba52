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
from redenoise.support import csv_tables
from redenoise.support.csv_tables import is_number
from redenoise.support.errors import UserError
from stages.report.published import UNITS
from stages.report.tables import SET_SIZES

COLUMNS = ["dataset", "item", "condition", "method", "metric", "unit", "value"]
AVERAGE_COLUMNS = ("dataset", "method", "sigma", "psnr")
AVERAGE = "average"
DEMO_PREFIX = "demo:"
AGAIN = "run its stage again"
ARCHITECTURE = "architecture"  # the node that counts parameters

Key = tuple[str, str, str, str, str]  # dataset, item, condition, method, metric


@dataclass(frozen=True)
class Score:
    """A measured value; of an accuracy in % with its 95 % interval; `images`: over how many, where its node says so."""

    value: float
    low: float | None = None
    high: float | None = None
    images: int | None = None


@dataclass(frozen=True, kw_only=True)
class Gaps:
    """Why there are no values, by printed title of the data set.

    Attributes:
        unavailable: (title, method) to why its node could measure nothing.
        without: (title, method, condition) to why its node left out this condition.
    """

    unavailable: dict[tuple[str, str], str] = field(default_factory=dict)
    without: dict[tuple[str, str, str], str] = field(default_factory=dict)

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


@dataclass(frozen=True, kw_only=True)
class Measured(Gaps):
    """All measured values.

    Attributes:
        values: (dataset, item, condition, method, metric) to value; the item `average` stands for the whole set and
            is there only if every image of the set was measured.
        items: images of each data set, in the order of the results.
        methods: methods measured on each data set, in the order of the results.
        counts: family to the parameters of its network, as the stage `architecture` counts them.
    """

    values: dict[Key, float]
    items: dict[str, list[str]]
    methods: dict[str, list[str]]
    counts: dict[str, int]


def nodes(config: Config) -> list[tuple[str, str]]:
    """(stage, key) of every node whose results the report joins."""
    return [(stage, key) for stage in ("evaluate", "filter") for key in config.keys(stage)]


def title(config: Config, stage: str, key: str) -> str:
    """Printed title of the data set that a node measures, without the mark of the demo."""
    return config.entry("download", config.entry(stage, key)["dataset"])["title"]


def load(config: Config, records: dict[str, dict[str, Any]], printed_items: dict[str, set[str]]) -> Measured:
    """Read the results of every node and average them.

    Args:
        records: provenance of all nodes, by `<stage>-<key>`.
        printed_items: ids of a set's images where the papers print single images; an average over that set needs
            exactly these. Averages over other sets need as many images as `SET_SIZES` says.

    Raises:
        UserError: a file is missing or malformed, or two rows have one key.
    """
    values: dict[Key, float] = {}
    items: dict[str, dict[str, None]] = defaultdict(dict)  # Inner dicts serve as ordered sets.
    methods: dict[str, dict[str, None]] = defaultdict(dict)
    gaps = Gaps()
    found = {node: _read_rows(paths.results(config.scale, node[1])) for node in nodes(config)}
    for (stage, key), rows in found.items():
        path = paths.results(config.scale, key)
        for row_key, value in rows.items():
            if row_key in values:
                raise UserError(f"{path}: {'/'.join(row_key)} is measured twice; one method and set need one node")
            values[row_key] = value
            items[row_key[0]][row_key[1]] = None
            methods[row_key[0]][row_key[3]] = None
        gaps.note((title(config, stage, key), config.entry(stage, key)["method"]), records[f"{stage}-{key}"], rows)
    for node, rows in found.items():
        _check_owner(config, node, rows)
    expected = {name: printed_items.get(name) or SET_SIZES.get(name) or set(items[name]) for name in items}
    values |= _averages(values, expected)
    return Measured(
        values=values,
        items={name: list(ids) for name, ids in items.items()},
        methods={name: list(names) for name, names in methods.items()},
        counts=_read_counts(paths.results(config.scale, ARCHITECTURE)),
        **vars(gaps),
    )


def check_value(row: csv_tables.Row, place: str, units: Mapping[str, Collection[str]]) -> None:
    """Raise `UserError` for a line of results whose metric, unit or value is none of those that its stage writes."""
    if row["unit"] not in units.get(row["metric"], ()):
        raise UserError(f"{place}: metric {row['metric']!r} in {row['unit']!r} is not known; {AGAIN}")
    if not is_number(row["value"]):
        raise UserError(f"{place}: value is {row['value']!r}; expected a finite number, {AGAIN}")


def is_noise(condition: str) -> bool:
    """Whether a condition is a noise level, such as `sigma=25`; other tasks have other conditions."""
    return re.fullmatch(r"sigma=[0-9]{1,6}", condition) is not None


def sigma(condition: str) -> int:
    """The noise level of a condition for which `is_noise` holds, on the [0, 255] scale."""
    return int(condition.removeprefix("sigma="))


def averages(measured: Measured) -> list[tuple[str, str, int, str]]:
    """Average PSNR of every measured method, by `AVERAGE_COLUMNS`, in dB with four decimals."""
    return sorted(
        (dataset, method, sigma(condition), f"{value:.4f}")
        for (dataset, item, condition, method, metric), value in measured.values.items()
        if item == AVERAGE and metric == "psnr" and is_noise(condition)
    )


def _check_owner(config: Config, node: tuple[str, str], rows: Iterable[Key]) -> None:
    """Raise `UserError` for a value of another data set or method than those of its node."""
    name, method = title(config, *node), config.entry(*node)["method"]
    name = name if config.settings["real_data"] else DEMO_PREFIX + name
    if wrong := next((row for row in rows if (row[0], row[3]) != (name, method)), None):
        line = f"{paths.results(config.scale, node[1])}: {'/'.join(wrong)}: expected values of {name} and {method}"
        raise UserError(f"{line}; {AGAIN}")


def _read_rows(path: Path) -> dict[Key, float]:
    rows: dict[Key, float] = {}
    for place, row in csv_tables.numbered(path, COLUMNS, AGAIN):
        check_value(row, place, UNITS)
        if row["item"] == AVERAGE:
            raise UserError(f"{place}: results hold single images, found an average; remove the row")
        key = (row["dataset"], row["item"], row["condition"], row["method"], row["metric"])
        if key in rows:
            raise UserError(f"{place}: {'/'.join(key)} occurs twice; {AGAIN}")
        rows[key] = float(row["value"])
    return rows


def _read_counts(path: Path) -> dict[str, int]:
    """Parameters by family; the rows have no data set and no condition."""
    found = {item: value for (_, item, _, _, metric), value in _read_rows(path).items() if metric == "params"}
    for item, value in found.items():
        if value != int(value) or value < 1:
            raise UserError(f"{path}: params of {item} is {value}; expected a whole number, run its stage again")
    return {item: int(value) for item, value in found.items()}


def _averages(values: dict[Key, float], expected: dict[str, set[str] | int]) -> dict[Key, float]:
    """Means over whole sets; a set of which any expected image is missing, or has too many, gets none."""
    groups: dict[tuple[str, str, str, str], dict[str, float]] = defaultdict(dict)
    for (dataset, item, condition, method, metric), value in values.items():
        groups[dataset, condition, method, metric][item] = value
    means = {}
    for (dataset, condition, method, metric), images in groups.items():
        wanted = expected[dataset]
        if len(images) == wanted if isinstance(wanted, int) else set(images) == wanted:
            # fsum: the mean must not depend on the order of the images.
            mean = math.fsum(images.values()) / len(images)
            means[dataset, AVERAGE, condition, method, metric] = mean
    return means
