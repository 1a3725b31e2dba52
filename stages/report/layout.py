"""The paper's layout of a joined table, as a document that Markdown, LaTeX and the site render."""

from collections.abc import Iterable
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
from stages.report import rows as judged
from stages.report.kinds import Paper
from stages.report.kinds import Table as Methods
from stages.report.results import AVERAGE, sigma
from stages.report.rows import OFF, STATUSES, Comparison, Context, Row, signed, suspicion
from stages.report.spreads import Spread
from stages.report.tables import PAPERS, TOLERANCES
from stages.report.values import values
from stages.report.weights import behind

SHOWN_DECIMALS = {"psnr": 3, "ssim": 4, "params": 0, "top1": 1, "top5": 1, "miou": 2}
METRIC_NAMES = {"psnr": "PSNR", "ssim": "SSIM", "params": "parameters"}
METRIC_NAMES |= {"top1": "top-1", "top5": "top-5", "miou": "mIoU"}
VERDICT_MARKS = {judged.REPRODUCED: "✓", OFF: "✗"}
ONE_SEED = "one seed"
COMPARED = ("printed", "reproduced", "Δ")
MEASURED = ("demo value",)  # the columns of a method where nothing is compared
DETAIL_PLACE = (
    "What decides a verdict, the rounding of print, the spread over seeds or the tolerance alone, is in the column "
    "`detail` of the CSV file beside this page, and for averages in overview.md."
)
DEMO_WARNING = (
    "Demo scale: these are stand-in images and tiny networks trained for seconds. "
    "Nothing on this page can be compared with the printed table."
)


def document(comparison: Comparison, context: Context) -> Document:
    """Lay out one joined table."""
    spec = comparison.spec
    sections = _image_grids(comparison) if spec.per_image else [_average_grid(comparison)]
    sections = (_method_grid(comparison, context), *sections, _extra_grid(comparison), spread_grid(comparison))
    warning = DEMO_WARNING if comparison.demo else ""
    return page(comparison, context, warning, summary(comparison), (*_legend(comparison), *spec.protocol), sections)


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
    return Document(spec.key, title, (opening, *filter(None, sections)), values(comparison, context))


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


def value_cells(
    comparison: Comparison, row: Row | None, width: int, shown: Cell, bold: bool = False, note: int = 0
) -> list[Cell]:
    """The `width` cells of one value: as printed, as measured and the verdict; as measured alone if nothing is printed.

    Args:
        shown: the measured value.
        bold, note: of the printed one.
    """
    if row is None:
        return [Cell()] * width
    shown = linked(comparison, row, shown)
    if not row.published:
        return [shown]
    printed = linked(comparison, row, Cell(as_printed(row), bold, note), PRINTED)
    return [printed, shown, linked(comparison, row, Cell(verdict(row)), DELTA)][:width]


def linked(comparison: Comparison, row: Row, cell: Cell, shows: str = REPRODUCED) -> Cell:
    """A cell that shows a value of the table."""
    return replace(cell, value=comparison.numbers[row.dataset, *row.place], shows=shows)


def papers(keys: Iterable[str]) -> Items:
    """What the papers' keys stand for."""
    return Items(tuple(f"`{key}`: {_reference(PAPERS[key])}" for key in keys))


def _reference(paper: Paper) -> str:
    link = f", [doi:{paper.doi}](https://doi.org/{paper.doi})" if paper.doi else ""
    return f'{paper.short}, "{paper.title}"{link}'


def counts(comparison: Comparison) -> dict[str, int]:
    """How many printed cells have each of `STATUSES`."""
    found = [row.status for row in comparison.printed.values()]
    return {status: found.count(status) for status in STATUSES}


def number(value: float | None, metric: str) -> str:
    """A measured value as shown on a page."""
    return NOTHING if value is None else f"{value:,.{SHOWN_DECIMALS[metric]}f}"


def with_interval(row: Row) -> str:
    """A measured value with its 95 % interval, if it has one: `63.2 [62.8, 63.6]`."""
    text = number(row.reproduced, row.metric)
    return text if row.low is None else f"{text} [{number(row.low, row.metric)}, {number(row.high, row.metric)}]"


def with_spread(spread: Spread | None, metric: str) -> str:
    """Mean of an average and one standard deviation: `30.4512 ± 0.0012 (4 seeds)`; `one seed` where nobody knows it.

    One more decimal than elsewhere. The mean is left out where it is that of other weights than the run's, or where
    trainings alone were repeated.
    """
    if spread is None:
        return ONE_SEED
    digits = SHOWN_DECIMALS[metric] + 1
    mean = f"{spread.mean:,.{digits}f} " if spread.mean is not None else ""
    counts = ((spread.seeds, "seeds"), (spread.trainings, "trainings"))
    over = ", ".join(f"{count} {what}" for count, what in counts if count)
    other = "; other weights" if spread.seeds and spread.mean is None else ""
    return f"{mean}± {spread.average:.{digits}f} ({over}{other})"


def as_printed(row: Row) -> str:
    """A printed value as the paper writes it: parameters in thousands."""
    return f"{int(row.published) // 1000:,}k" if row.metric == "params" else row.published


def verdict(row: Row) -> str:
    """Delta and verdict of a cell, always equally wide: a changed verdict then changes no other line of a diff."""
    if row.delta is None:
        return NOTHING
    return f"{signed(row.delta, SHOWN_DECIMALS[row.metric], ',')} {VERDICT_MARKS[row.status]}"


def cell_name(row: Row) -> str:
    """Which cell of a table a row is: item, method, noise level if any, metric."""
    level = f"σ {sigma(row.condition)}" if row.condition else ""
    return ", ".join(filter(None, (row.item, row.method, level, METRIC_NAMES[row.metric])))


def summary(comparison: Comparison) -> str:
    """How many printed cells the table has, by status."""
    found = counts(comparison)
    parts = [f"{found[status]} {status}" for status in STATUSES]
    return f"{sum(found.values())} printed cells: {', '.join(parts)}."


def _legend(comparison: Comparison) -> tuple[str, ...]:
    if comparison.demo:
        return ("The layout is the paper's; the best value of each line is bold.",)
    image, average = TOLERANCES["psnr", "image"], TOLERANCES["psnr", AVERAGE]
    tolerances = f"{image:.2f} dB for an image, {average:.2f} dB for an average"
    tolerances += f", {TOLERANCES['ssim', AVERAGE]} for SSIM" if "ssim" in comparison.spec.metrics else ""
    return (
        "`printed` is the paper's value, `reproduced` is measured here, Δ is reproduced minus printed. "
        "The best printed and the best reproduced value of each line are bold.",
        f"✓ within tolerance, ✗ off: {tolerances}; half a unit of the printed last place comes on top.",
        DETAIL_PLACE,
    )


def _method_grid(comparison: Comparison, context: Context) -> Section:
    """Which measured method stands behind each printed one, how its weights were made, and why some have none."""
    spec, rows = comparison.spec, []
    for method in spec.methods:
        name = comparison.methods.get(method.printed, "")
        rows.append((method.printed, name, _left_out(spec, name, context) if name else method.reason))
    printed = [method.printed for method in spec.methods]
    extras = [name for label, name in comparison.methods.items() if label not in printed]
    rows += [("", name, "measured, not printed") for name in extras]
    made = [behind(context.config, context.records, spec.dataset, name) if name else "" for _, name, _ in rows]
    found = [(label, name, made, note) for (label, name, note), made in zip(rows, made, strict=True)]
    return methods_grid("Methods", ("printed", "measured", "weights", "note"), found, spec.dataset, context)


def methods_grid(
    heading: str, stub: tuple[str, ...], rows: Iterable[tuple[str, ...]], dataset: str, context: Context
) -> Section:
    """A section with a table of texts, of which the second is a measured method: its cell names its node."""
    cells = []
    for label, name, *others in rows:
        measured = Cell(name or NOTHING, node=context.makers.get((dataset, name), ""))
        cells.append((Cell(label or NOTHING), measured, *(Cell(text or NOTHING) for text in others)))
    return grid(heading, stub, (), cells)


def _left_out(spec: Methods, name: str, context: Context) -> str:
    """Why a method was not measured at all, or not at some noise levels."""
    measured = context.measured
    levels = {level: measured.without.get((spec.dataset, name, f"sigma={level}")) for level in spec.sigmas}
    parts = [f"sigma {level} not run: {reason}" for level, reason in levels.items() if reason]
    return measured.unavailable.get((spec.dataset, name)) or "; ".join(parts)


def _groups(comparison: Comparison) -> dict[str, tuple[str, ...]]:
    """The columns of every method, by its label."""
    if comparison.demo:
        return dict.fromkeys(comparison.methods, MEASURED)
    return {
        method.printed: COMPARED if method.printed in comparison.methods else ("printed",)
        for method in comparison.spec.methods
    }


def _image_grids(comparison: Comparison) -> list[Section]:
    """One grid per noise level, one image per line, the average last."""
    grids = []
    for level in comparison.spec.sigmas:
        condition = f"sigma={level}"
        items = dict.fromkeys(
            item for item, found, _, metric in comparison.shown if (found, metric) == (condition, "psnr")
        )
        lines = [((Cell(item),), item, condition, "psnr") for item in items]
        grids.append(_grid(comparison, f"σ = {level}, PSNR in dB", ("image",), lines))
    return grids


def _average_grid(comparison: Comparison) -> Section:
    """Averages only: one line per noise level and metric."""
    spec, lines = comparison.spec, []
    for level in spec.sigmas:
        for metric in spec.metrics:
            head = (Cell(str(level)), Cell(METRIC_NAMES[metric]))
            lines.append((head, AVERAGE, f"sigma={level}", metric))
    return _grid(comparison, f"Averages over {spec.dataset}", ("σ", "metric"), lines)


def _grid(comparison: Comparison, heading: str, stub: tuple[str, ...], lines: list[tuple]) -> Section:
    """Fill the columns of all methods, line by line, numbering the footnotes as they come.

    A method of which no line has a value is left out: the papers print some methods at some noise levels only.
    """
    places = [(item, condition, metric) for _, item, condition, metric in lines]
    filled = {label for item, condition, label, metric in comparison.shown if (item, condition, metric) in places}
    groups = {label: columns for label, columns in _groups(comparison).items() if label in filled}
    rows, footnotes = [], []
    for head, item, condition, metric in lines:
        found = {label: comparison.shown.get((item, condition, label, metric)) for label in groups}
        best_printed = best([float(row.published) for row in found.values() if row and row.published])
        best_measured = best(
            [number(row.reproduced, metric) for row in found.values() if row and row.reproduced is not None]
        )
        cells = list(head)
        for label, columns in groups.items():
            cells += _method_cells(comparison, found[label], len(columns), best_printed, best_measured, footnotes)
        rows.append(cells)
    return grid(heading, stub, groups.items(), rows, footnotes)


def best(values: list) -> object:
    """The largest of several values; one alone is not best of anything."""
    return max(values, key=float) if len(values) > 1 else None


def _method_cells(
    comparison: Comparison, row: Row | None, width: int, best_printed: object, best_measured: object, footnotes: list
) -> list[Cell]:
    if row is None:
        return value_cells(comparison, None, width, Cell())
    if row.suspect:
        footnotes.append(suspicion(row.suspect, row.reproduced, row.metric))
    shown = number(row.reproduced, row.metric)
    bold = bool(row.published) and float(row.published) == best_printed
    note = len(footnotes) if row.suspect else 0
    return value_cells(comparison, row, width, Cell(shown, bold=shown == best_measured), bold, note)


def _extra_grid(comparison: Comparison) -> Section | None:
    """Averages that the paper does not print: other models, other metrics."""
    rows = [row for row in comparison.unprinted.values() if row.item == AVERAGE]
    if comparison.demo:  # Everything is unprinted here; the sections already show the table's own metrics.
        rows = [row for row in rows if row.metric not in comparison.spec.metrics]
    lines = {(row.method, row.metric): {} for row in rows}
    for row in rows:
        cell = Cell(number(row.reproduced, row.metric))
        lines[row.method, row.metric][sigma(row.condition)] = linked(comparison, row, cell)
    return _by_level("Measured, not printed: averages (PSNR in dB)", lines)


def spread_grid(comparison: Comparison) -> Section | None:
    """Every measured average with its mean and standard deviation over seeds, if that of any is known."""
    rows = [row for row in comparison.rows if row.scope == AVERAGE and row.reproduced is not None]
    if not any(row.spread for row in rows):
        return None
    lines = {(row.label, row.metric): {} for row in rows}
    for row in rows:
        cell = Cell(with_spread(row.spread, row.metric))
        lines[row.label, row.metric][sigma(row.condition)] = linked(comparison, row, cell)
    return _by_level("Averages over seeds: mean ± one standard deviation of a single seed", lines)


def _by_level(heading: str, lines: dict[tuple[str, str], dict[int, Cell]]) -> Section | None:
    """A line for each method and metric, a column for each noise level; None without a line."""
    levels = sorted({level for found in lines.values() for level in found})
    rows = [
        (Cell(method), Cell(METRIC_NAMES[metric]), *(found.get(level, Cell()) for level in levels))
        for (method, metric), found in lines.items()
    ]
    groups = [(f"σ = {level}", ("",)) for level in levels]
    return grid(heading, ("method", "metric"), groups, rows) if rows else None
