"""What the pages of all kinds of tables are laid out from."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from redenoise.document.model import (
    DELTA,
    NOTHING,
    PRINTED,
    REPRODUCED,
    WARNING,
    Cell,
    Column,
    Document,
    Items,
    Paragraph,
    Section,
    Table,
)
from redenoise.support.numbers import EXACT
from stages.report.results import AVERAGE, level_of
from stages.report.rows import Comparison, Context, Row
from stages.report.shown import METRIC_NAMES, as_printed, verdict, with_spread
from stages.report.tables import PAPERS
from stages.report.values import value

Line = tuple[tuple[Cell, ...], str, str, str]  # leading cells; item, condition and metric
Groups = Mapping[str, tuple[str, ...]]  # names of the columns of each method, by its label
Show = Callable[[Row, list[Row], list[str]], Cell]
Lines = dict[tuple[str, str], dict[int, Cell]]  # method as shown and metric to cells by noise level
COMPARED = ("printed", "reproduced", "Δ")
MEASURED = ("demo value",)  # the columns of a method where nothing is compared
DETAIL_PLACE = (
    "What decides a verdict, the rounding of print, the spread over seeds or the tolerance alone, is in the column "
    "`detail` of the CSV file beside this page, and for averages in overview.md."
)


def page(
    comparison: Comparison,
    context: Context,
    warning: str,
    summary: str,
    items: tuple[str, ...],
    sections: Iterable[Section | None],
) -> Document:
    """The document of a table of any kind, with all its values; sections that are None are left out."""
    spec = comparison.spec
    head = (Paragraph(warning, WARNING),) if warning else ()
    opening = Section("", (*head, Paragraph(summary), Items(items)))
    title = f"{PAPERS[spec.paper].short}, {spec.number}: {spec.title}"
    return Document(spec.key, title, (opening, *filter(None, sections)), tuple(map(value, comparison.rows)))


def grid(
    heading: str,
    stub: Iterable[str],
    groups: Iterable[tuple[str, tuple[str, ...]]],
    rows: Iterable[Iterable[Cell]],
    footnotes: Iterable[str] = (),
) -> Section:
    """A section of one table.

    Args:
        stub: names of the leading columns, which hold words.
        groups: labels, and the names of the columns below each, which hold numbers.
    """
    numbers = (Column(name, label, number=True) for label, names in groups for name in names)
    table = Table((*map(Column, stub), *numbers), tuple(map(tuple, rows)), tuple(footnotes))
    return Section(heading, (table,))


def methods_grid(
    heading: str, stub: tuple[str, ...], rows: Iterable[tuple[str, ...]], dataset: str, context: Context
) -> Section:
    """A section with a table of texts, of which the second is a measured method: its cell names its node."""
    cells = []
    for label, name, *others in rows:
        measured = Cell(name or NOTHING, node=context.makers.get((dataset, name), ""))
        cells.append((Cell(label or NOTHING), measured, *(Cell(text or NOTHING) for text in others)))
    return grid(heading, stub, (), cells)


def spread_grid(comparison: Comparison) -> Section | None:
    """Every measured average with its mean and standard deviation over seeds, if that of any is known."""
    rows = [row for row in comparison.rows if row.scope == AVERAGE and row.reproduced is not None]
    if not any(row.known for row in rows):
        return None
    lines: Lines = {(row.label, row.metric): {} for row in rows}
    for row in rows:
        cell = Cell(with_spread(row.known, row.metric))
        lines[row.label, row.metric][level_of(row.condition)] = linked(comparison, row, cell)
    return by_level(comparison, "Averages over seeds: mean ± one standard deviation of a single seed", lines)


def by_level(comparison: Comparison, heading: str, lines: Lines, footnotes: Iterable[str] = ()) -> Section | None:
    """A line for each method and metric, a column for each level; None without a line."""
    levels = sorted({level for found in lines.values() for level in found})
    rows = [
        (Cell(method), Cell(METRIC_NAMES[metric]), *(found.get(level, Cell()) for level in levels))
        for (method, metric), found in lines.items()
    ]
    groups = [(f"{comparison.spec.symbol} = {level}", ("",)) for level in levels]
    return grid(heading, ("method", "metric"), groups, rows, footnotes) if rows else None


def value_cells(
    comparison: Comparison, row: Row | None, width: int, shown: Cell, footnotes: list[str], best_printed: object = None
) -> list[Cell]:
    """The `width` cells of one value: as printed, as measured and the verdict; as measured alone if nothing is printed.

    Args:
        shown: the measured value.
        footnotes: of the table; a suspected misprint adds one.
        best_printed: the printed value that is bold.
    """
    if row is None:
        return [Cell()] * width
    shown = measured(comparison, row, shown, footnotes)
    if not row.printed:
        return [shown]
    bold, note = float(row.printed) == best_printed, mark(row.suspicion, footnotes) if row.suspect else 0
    printed = linked(comparison, row, Cell(as_printed(row), bold, note), PRINTED)
    return [printed, shown, linked(comparison, row, Cell(verdict(row)), DELTA)][:width]


def measured(comparison: Comparison, row: Row, shown: Cell, footnotes: list[str]) -> Cell:
    """The cell of a measured value; what restricts it stands in a footnote, unless another one does."""
    if row.caveat and not shown.note:
        shown = replace(shown, note=mark(row.caveat, footnotes))
    return linked(comparison, row, shown)


def mark(text: str, footnotes: list[str]) -> int:
    """The number of a footnote, which cells of one reason share."""
    if text not in footnotes:
        footnotes.append(text)
    return footnotes.index(text) + 1


def linked(comparison: Comparison, row: Row, cell: Cell, shows: str = REPRODUCED) -> Cell:
    """A cell that shows a value of the table."""
    return replace(cell, value=comparison.numbers[row.place], shows=shows)


def compared_grid(
    comparison: Comparison, heading: str, stub: tuple[str, ...], lines: list[Line], groups: Groups, show: Show
) -> Section:
    """A table with all methods side by side, the best printed value of each line in bold.

    Args:
        show: the cell of a measured value, from its row, all rows of its line, and the footnotes so far.
    """
    rows = []
    footnotes: list[str] = []
    for head, item, condition, metric in lines:
        found = {label: comparison.shown.get((item, condition, label, metric)) for label in groups}
        there = [row for row in found.values() if row]
        printed = best([float(row.printed) for row in there if row.printed])
        cells = list(head)
        for columns, row in zip(groups.values(), found.values(), strict=True):
            shown = show(row, there, footnotes) if row else Cell()
            cells += value_cells(comparison, row, len(columns), shown, footnotes, printed)
        rows.append(cells)
    return grid(heading, stub, groups.items(), rows, footnotes)


def best(values: list) -> object:
    """The largest of several values, and an exact one; one alone is not best of anything."""
    if len(values) < 2:
        return None
    return max(values, key=lambda value: math.inf if value == EXACT else float(str(value).replace(",", "")))
