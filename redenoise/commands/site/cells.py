"""The cells of a table as its CSV holds them, each with the node that measured it and the tolerance that judged it."""

import csv
import re
from dataclasses import dataclass, field
from functools import cached_property

from redenoise.commands.site.pipeline import Node, NodeName
from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.dag.table import MEASURING
from redenoise.support.errors import UserError
from stages.report import labels, recognized, results
from stages.report.kinds import Printed
from stages.report.layout import SHOWN_DECIMALS
from stages.report.results import ARCHITECTURE, DEMO_PREFIX
from stages.report.rows import CSV_COLUMNS, IMAGE, STATUSES, limit, scope_of

PLACE = CSV_COLUMNS[1:6]  # the columns that tell a table's cells apart
Makers = dict[tuple[str, str], Node]  # printed title of a set and measured method to what measured it


@dataclass(frozen=True)
class Cell:
    """One line of a table's CSV.

    Attributes:
        published, reproduced, delta: as the CSV writes them, empty where there is none.
        more: the columns that not every table has, such as an interval, by name; empty ones left out.
        scope: image, average or network.
        measured: the method of the results that stands behind it, or empty.
        node: what measured it or would, or None.
        stand_in: whether it was measured on other images than the printed set's.
    """

    dataset: str
    item: str
    condition: str
    method: str
    metric: str
    unit: str
    published: str
    reproduced: str
    delta: str
    status: str
    note: str
    more: dict[str, str] = field(hash=False)
    scope: str = IMAGE
    measured: str = ""
    node: Node | None = field(default=None, repr=False, compare=False)

    @property
    def stand_in(self) -> bool:
        return self.dataset.startswith(DEMO_PREFIX)

    @property
    def tolerance(self) -> float | None:
        """Largest |delta| that counts as reproduced; None for a value without a printed one."""
        return limit(self.published, self.metric, self.scope) if self.published else None

    @cached_property
    def value(self) -> float | None:
        """The measured value."""
        return float(self.reproduced) if self.reproduced else None

    @property
    def shown(self) -> str:
        """The measured value as the report's pages show it, with its interval if it has one."""
        if self.value is None:
            return ""
        texts = [f"{float(value):,.{SHOWN_DECIMALS[self.metric]}f}" for value in self._values]
        return texts[0] if len(texts) == 1 else f"{texts[0]} [{texts[1]}, {texts[2]}]"

    @property
    def _values(self) -> list[str]:
        ends = [self.more[end] for end in ("low", "high") if end in self.more]
        return [self.reproduced, *ends] if len(ends) == 2 else [self.reproduced]


def makers(config: Config, nodes: dict[NodeName, Node]) -> Makers:
    """What measures which method on which set."""
    titles = {stage: recognized.title if stage in recognized.STAGES else results.title for stage in MEASURING}
    return {
        (titles[stage](config, stage, key), config.entry(stage, key)["method"]): nodes[stage, key]
        for stage in MEASURING
        for key in config.keys(stage)
    }


def load(config: Config, spec: Printed, found: Makers, nodes: dict[NodeName, Node]) -> list[Cell]:
    """The cells of one table in the order of its CSV; raises `UserError` if the file is missing or not such a CSV."""
    path = paths.reports(config.scale) / f"{spec.key}.csv"
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            rows, header = list(reader), list(reader.fieldnames or ())
    except FileNotFoundError:
        raise UserError(f"{path}: missing; run `python -m stages.report --scale {config.scale}` first") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a CSV file ({error}); run `python -m stages.report` again") from None
    if not set(header) >= set(CSV_COLUMNS):
        found_columns, expected = ",".join(header), ",".join(CSV_COLUMNS)
        raise UserError(f"{path}: header is {found_columns}; expected {expected}; run `python -m stages.report` again")
    return [_cell(row, spec, found, nodes, f"{path}: line {line}") for line, row in enumerate(rows, start=2)]


def maker(spec: Printed, place: dict[str, str], found: Makers, nodes: dict[NodeName, Node]) -> Node | None:
    """What measured a cell, or would; `place` has the values of its columns `PLACE`."""
    if place["metric"] == "params":
        return nodes.get((ARCHITECTURE, None))
    return found.get((spec.dataset, _measured(place, spec, found)))


def counts(cells: list[Cell]) -> dict[str, int]:
    """How many printed cells have each status."""
    found = [cell.status for cell in cells if cell.published]
    return {status: found.count(status) for status in STATUSES}


def _cell(row: dict[str, str], spec: Printed, found: Makers, nodes: dict[NodeName, Node], place: str) -> Cell:
    if None in row or None in row.values():
        raise UserError(f"{place}: too many or too few fields; run `python -m stages.report` again")
    for name in ("published", "reproduced", "delta"):
        if row[name] and not re.fullmatch(r"[+-]?\d+(\.\d+)?", row[name]):
            raise UserError(f"{place}: {name} is {row[name]!r}, expected a number; run `python -m stages.report` again")
    more = {name: value for name, value in row.items() if name not in CSV_COLUMNS and value}
    scope = scope_of(spec, row["item"], row["metric"])
    measured, node = _measured(row, spec, found), maker(spec, row, found, nodes)
    return Cell(**{name: row[name] for name in CSV_COLUMNS[1:]}, more=more, scope=scope, measured=measured, node=node)


def _measured(row: dict[str, str], spec: Printed, found: Makers) -> str:
    """The measured method behind a cell, see `labels.behind`."""
    methods = {method for dataset, method in found if dataset == spec.dataset}
    return labels.behind(spec, row["item"], row["method"], methods)
