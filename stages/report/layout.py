"""The paper's layout of a joined table, without any markup: Markdown and LaTeX render the same document."""

from dataclasses import dataclass

from stages.report.kinds import Table
from stages.report.results import AVERAGE, sigma
from stages.report.rows import OFF, REPRODUCED, STATUSES, Comparison, Context, Row, signed, suspicion
from stages.report.spreads import Spread
from stages.report.tables import PAPERS, TOLERANCES
from stages.report.weights import behind

SHOWN_DECIMALS = {"psnr": 3, "ssim": 4, "params": 0, "top1": 1, "top5": 1, "miou": 2}
METRIC_NAMES = {"psnr": "PSNR", "ssim": "SSIM", "params": "parameters"}
METRIC_NAMES |= {"top1": "top-1", "top5": "top-5", "miou": "mIoU"}
VERDICT_MARKS = {REPRODUCED: "✓", OFF: "✗"}
NOTHING = "-"
ONE_SEED = "one seed"
DETAIL_PLACE = (
    "What decides a verdict, the rounding of print, the spread over seeds or the tolerance alone, is in the column "
    "`detail` of the CSV file beside this page, and for averages in overview.md."
)
DEMO_WARNING = (
    "Demo scale: these are stand-in images and tiny networks trained for seconds. "
    "Nothing on this page can be compared with the printed table."
)


@dataclass(frozen=True)
class Cell:
    """One cell: `mark` is the number of a footnote, or empty."""

    text: str = NOTHING
    bold: bool = False
    mark: str = ""


@dataclass(frozen=True)
class Group:
    """Columns of one method under one label."""

    label: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """One table on the page.

    Attributes:
        heading: what the table shows.
        stub: names of the leading columns, which hold words.
        groups: the columns after them, which hold numbers.
        rows: one tuple of cells per line, as many as there are columns.
        footnotes: text of footnote 1, 2, ...
    """

    heading: str
    stub: tuple[str, ...]
    groups: tuple[Group, ...]
    rows: tuple[tuple[Cell, ...], ...]
    footnotes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Document:
    """A page: `warning` may be empty; in all texts, backticks mark code."""

    title: str
    warning: str
    summary: str
    bullets: tuple[str, ...]
    grids: tuple[Grid, ...]


def document(comparison: Comparison, context: Context) -> Document:
    """Lay out one joined table."""
    spec = comparison.spec
    sections = _image_grids(comparison) if spec.per_image else [_average_grid(comparison)]
    others = (_extra_grid(comparison), spread_grid(comparison))
    return Document(
        title=f"{PAPERS[spec.paper].short}, {spec.number}: {spec.title}",
        warning=DEMO_WARNING if comparison.demo else "",
        summary=summary(comparison),
        bullets=(*_legend(comparison), *spec.protocol),
        grids=(_method_grid(comparison, context), *sections, *filter(None, others)),
    )


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


def _method_grid(comparison: Comparison, context: Context) -> Grid:
    """Which measured method stands behind each printed one, how its weights were made, and why some have none."""
    spec = comparison.spec
    texts = []
    for method in spec.methods:
        name = comparison.methods.get(method.printed, "")
        texts.append((method.printed, name, _left_out(spec, name, context) if name else method.reason))
    printed = [method.printed for method in spec.methods]
    extras = [name for label, name in comparison.methods.items() if label not in printed]
    texts += [("", name, "measured, not printed") for name in extras]
    rows = []
    for label, name, note in texts:
        made = behind(context.config, context.records, spec.dataset, name) if name else ""
        rows.append(tuple(Cell(text or NOTHING) for text in (label, name, made, note)))
    return Grid("Methods", ("printed", "measured", "weights", "note"), (), tuple(rows))


def _left_out(spec: Table, name: str, context: Context) -> str:
    """Why a method was not measured at all, or not at some noise levels."""
    measured = context.measured
    levels = {level: measured.without.get((spec.dataset, name, f"sigma={level}")) for level in spec.sigmas}
    parts = [f"sigma {level} not run: {reason}" for level, reason in levels.items() if reason]
    return measured.unavailable.get((spec.dataset, name)) or "; ".join(parts)


def _groups(comparison: Comparison) -> tuple[Group, ...]:
    if comparison.demo:
        return tuple(Group(label, ("demo value",)) for label in comparison.methods)
    groups = []
    for method in comparison.spec.methods:
        both = method.printed in comparison.methods
        groups.append(Group(method.printed, ("printed", "reproduced", "Δ") if both else ("printed",)))
    return tuple(groups)


def _image_grids(comparison: Comparison) -> list[Grid]:
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


def _average_grid(comparison: Comparison) -> Grid:
    """Averages only: one line per noise level and metric."""
    spec, lines = comparison.spec, []
    for level in spec.sigmas:
        for metric in spec.metrics:
            head = (Cell(str(level)), Cell(METRIC_NAMES[metric]))
            lines.append((head, AVERAGE, f"sigma={level}", metric))
    return _grid(comparison, f"Averages over {spec.dataset}", ("σ", "metric"), lines)


def _grid(comparison: Comparison, heading: str, stub: tuple[str, ...], lines: list[tuple]) -> Grid:
    """Fill the columns of all methods, line by line, numbering the footnotes as they come.

    A method of which no line has a value is left out: the papers print some methods at some noise levels only.
    """
    places = [(item, condition, metric) for _, item, condition, metric in lines]
    filled = {label for item, condition, label, metric in comparison.shown if (item, condition, metric) in places}
    groups = tuple(group for group in _groups(comparison) if group.label in filled)
    rows, footnotes = [], []
    for head, item, condition, metric in lines:
        found = {group.label: comparison.shown.get((item, condition, group.label, metric)) for group in groups}
        best_printed = best([float(row.published) for row in found.values() if row and row.published])
        best_measured = best(
            [number(row.reproduced, metric) for row in found.values() if row and row.reproduced is not None]
        )
        cells = list(head)
        for group in groups:
            row = found[group.label]
            cells += _method_cells(row, group, best_printed, best_measured, footnotes)
        rows.append(tuple(cells))
    return Grid(heading, stub, groups, tuple(rows), tuple(footnotes))


def best(values: list) -> object:
    """The largest of several values; one alone is not best of anything."""
    return max(values, key=float) if len(values) > 1 else None


def _method_cells(row: Row | None, group: Group, best_printed: object, best_measured: object, footnotes: list) -> list:
    if row is None:
        return [Cell()] * len(group.columns)
    shown = number(row.reproduced, row.metric)
    reproduced = Cell(shown, bold=shown == best_measured)
    if not row.published:
        return [reproduced]
    mark = ""
    if row.suspect:
        footnotes.append(suspicion(row.suspect, row.reproduced, row.metric))
        mark = str(len(footnotes))
    printed = Cell(row.published, bold=float(row.published) == best_printed, mark=mark)
    return [printed, reproduced, Cell(verdict(row))][: len(group.columns)]


def _extra_grid(comparison: Comparison) -> Grid | None:
    """Averages that the paper does not print: other models, other metrics."""
    rows = [row for row in comparison.unprinted.values() if row.item == AVERAGE]
    if comparison.demo:  # Everything is unprinted here; the sections already show the table's own metrics.
        rows = [row for row in rows if row.metric not in comparison.spec.metrics]
    if not rows:
        return None
    levels = sorted({sigma(row.condition) for row in rows})
    values = {(row.method, row.metric, sigma(row.condition)): row.reproduced for row in rows}
    lines = []
    for method, metric in dict.fromkeys((row.method, row.metric) for row in rows):
        cells = [Cell(number(values.get((method, metric, level)), metric)) for level in levels]
        lines.append((Cell(method), Cell(METRIC_NAMES[metric]), *cells))
    groups = tuple(Group(f"σ = {level}", ("",)) for level in levels)
    heading = "Measured, not printed: averages (PSNR in dB)"
    return Grid(heading, ("method", "metric"), groups, tuple(lines))


def spread_grid(comparison: Comparison) -> Grid | None:
    """Every measured average with its mean and standard deviation over seeds, if that of any is known."""
    rows = [row for row in comparison.rows if row.scope == AVERAGE and row.reproduced is not None]
    if not any(row.spread for row in rows):
        return None
    levels = sorted({sigma(row.condition) for row in rows})
    found = {(row.label, row.metric, sigma(row.condition)): row for row in rows}
    lines = []
    for label, metric in dict.fromkeys((row.label, row.metric) for row in rows):
        shown = [found.get((label, metric, level)) for level in levels]
        cells = [Cell(with_spread(row.spread, metric) if row else NOTHING) for row in shown]
        lines.append((Cell(label), Cell(METRIC_NAMES[metric]), *cells))
    groups = tuple(Group(f"σ = {level}", ("",)) for level in levels)
    heading = "Averages over seeds: mean ± one standard deviation of a single seed"
    return Grid(heading, ("method", "metric"), groups, tuple(lines))
