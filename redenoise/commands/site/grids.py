"""The tables of a page: a cell that shows a value opens what is known of it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from redenoise.document import inline
from redenoise.document.model import AVERAGE, NOTHING, PRINTED, REPRODUCED, Cell, Column, Document, Place, Table, Value
from stages.report import parts
from stages.report.published import suspicion
from stages.report.results import is_noise, level_of
from stages.report.shown import METRIC_NAMES, number


@dataclass(frozen=True)
class View:
    """A cell with the value that it shows, if it shows one.

    Attributes:
        opens: whether it is the one of its value's cells that leads to what is known of the value.
        number: whether its column holds numbers.
        page: where that is; empty on the value's own page.
    """

    cell: Cell
    value: Value | None
    opens: bool
    number: bool
    page: str = ""

    @property
    def text(self) -> str:
        """What the cell says as a button."""
        return self.value.status if self.value and self.cell.text == NOTHING else inline.plain(self.cell.text)

    @property
    def sort(self) -> str:
        """The number that the cell is sorted by, empty where its text tells."""
        found = getattr(self.value, self.cell.shows) if self.value and self.cell.shows else None
        return "" if found is None else str(found).replace("inf", "Infinity")  # as the page's script reads it

    @property
    def look(self) -> str:
        """Its classes in the style sheet: what stands in its column, and the verdict on its value."""
        judged = self.value and self.cell.shows != PRINTED or self.opens
        status = self.value.status.replace(" ", "-") if self.value and judged else ""
        return f"{'number ' if self.number else ''}{status}".strip()


@dataclass(frozen=True)
class Grid:
    """One table: `groups` are the labels over its columns with their columns; sorting leaves `foot` in its place."""

    groups: tuple[tuple[str, tuple[Column, ...]], ...]
    lines: tuple[tuple[View, ...], ...]
    foot: tuple[tuple[View, ...], ...]
    footnotes: tuple[str, ...]

    @property
    def grouped(self) -> bool:
        """Whether any columns share a label."""
        return any(label for label, _ in self.groups)

    @property
    def valued(self) -> bool:
        """Whether any cell shows a value."""
        return any(view.value for line in (*self.lines, *self.foot) for view in line)


def lay_out(table: Table, values: Sequence[Value], places: Mapping[Place, str] = {}) -> Grid:
    """A table whose cells refer to `values`; `places`: where these are known of, if not on this page."""
    groups = groupby(table.columns, key=lambda column: column.group)
    lines = [_line(row, table.columns, values, places) for row in table.rows]
    averages = 0
    while averages < len(lines) and lines[-1 - averages][0].cell.text == AVERAGE:
        averages += 1
    body, foot = lines[: len(lines) - averages], lines[len(lines) - averages :]
    return Grid(tuple((label, tuple(found)) for label, found in groups), tuple(body), tuple(foot), table.footnotes)


def unshown(page: Document) -> list[tuple[str, Table]]:
    """(heading, table) of the values that no cell of the page shows: an item a line, a method a column."""
    shown = {cell.value for part in page.sections for table in part.tables for row in table.rows for cell in row}
    groups: dict[str, dict[tuple[str, str], int]] = defaultdict(dict)
    for index, value in enumerate(page.values):
        if index not in shown:
            heading = ", ".join(filter(None, (value.dataset, level(value.condition), named(value))))
            groups[heading][value.item, value.method] = index
    return [(heading, _pivot(found, page.values)) for heading, found in groups.items()]


def named(value: Value) -> str:
    """The metric of a value with its unit."""
    unit = f" in {value.unit}" if value.unit not in ("", "count") else ""
    return f"{METRIC_NAMES.get(value.metric, value.metric)}{unit}"


def level(condition: str) -> str:
    """A condition in words: `σ = 25`, `clean`."""
    return f"σ = {level_of(condition)}" if is_noise(condition) else condition


def _line(
    row: tuple[Cell, ...], columns: tuple[Column, ...], values: Sequence[Value], places: Mapping[Place, str]
) -> tuple[View, ...]:
    opening: dict[int, int] = {}
    for place, cell in enumerate(row):
        if cell.value is not None and (cell.value not in opening or cell.shows == REPRODUCED):
            opening[cell.value] = place
    views = []
    for place, (cell, column) in enumerate(zip(row, columns, strict=True)):
        if cell.value is None:
            views.append(View(cell, None, False, column.number))
        else:
            value, opens = values[cell.value], opening[cell.value] == place
            views.append(View(cell, value, opens, column.number, places.get(value.place, "")))
    return tuple(views)


def _pivot(found: dict[tuple[str, str], int], values: Sequence[Value]) -> Table:
    methods = dict.fromkeys(method for _, method in found)
    columns = (Column("item"), *(Column(method, number=True) for method in methods))
    notes: list[str] = []
    rows = [
        (Cell(item), *(_cell(found.get((item, method)), values, notes) for method in methods))
        for item in dict.fromkeys(item for item, _ in found)
    ]
    return Table(columns, tuple(rows), tuple(notes))


def _cell(index: int | None, values: Sequence[Value], notes: list[str]) -> Cell:
    if index is None:
        return Cell()
    value = values[index]
    if value.reproduced is None:
        mark = parts.mark(suspicion(value.note), notes) if value.misprint else 0
        return Cell(value.printed or NOTHING, value=index, shows=PRINTED, note=mark)
    return Cell(number(value.reproduced, value.metric), value=index, shows=REPRODUCED)
