"""The paper's layout of a joined table of methods."""

from redenoise.document.model import Cell, Document, Section
from stages.report import orderings
from stages.report.kinds import Table
from stages.report.parts import (
    COMPARED,
    DETAIL_PLACE,
    MEASURED,
    Line,
    Lines,
    best,
    by_level,
    compared_grid,
    measured,
    methods_grid,
    page,
    spread_grid,
)
from stages.report.results import AVERAGE, level_of
from stages.report.rows import Comparison, Context, Row, unmade
from stages.report.shown import METRIC_NAMES, number, summary
from stages.report.tables import TOLERANCES, explained
from stages.report.weights import behind

DEMO_WARNING = (
    "Demo scale: these are stand-in images and tiny networks trained for seconds. "
    "Nothing on this page can be compared with the printed table."
)

PAIRED = "of the mean of the paired differences of the images"


def document(comparison: Comparison[Table], context: Context) -> Document:
    """Lay out one joined table."""
    spec = comparison.spec
    grids = _image_grids(comparison) if spec.per_image else [_average_grid(comparison)]
    others = (_extra_grid(comparison), spread_grid(comparison), orderings.section(comparison))
    warning = DEMO_WARNING if comparison.demo else ""
    sections = (_method_grid(comparison, context), *grids, *others)
    counted = " ".join([summary(comparison), *([orderings.summary(comparison)] if spec.orderings else [])])
    order = [orderings.legend(spec, PAIRED)] if spec.orderings else []
    items = (*_legend(comparison), *order, *spec.protocol)
    return page(comparison, context, warning, counted, items, sections)


def _legend(comparison: Comparison[Table]) -> tuple[str, ...]:
    if comparison.demo:
        return ("The layout is the paper's; the best value of each line is bold.",)
    image, average = TOLERANCES["psnr", "image"], TOLERANCES["psnr", AVERAGE]
    tolerances = f"{image:.2f} dB for an image, {average:.2f} dB for an average"
    tolerances += f", {TOLERANCES['ssim', AVERAGE]} for SSIM" if "ssim" in comparison.spec.metrics else ""
    return (
        "`printed` is the paper's value, `reproduced` is measured here, Δ is reproduced minus printed. "
        "The best printed and the best reproduced value of each line are bold.",
        f"✓ within tolerance, ✗ off, ○ own training: {tolerances}; half a unit of the printed last place comes on top.",
        DETAIL_PLACE,
    )


def _method_grid(comparison: Comparison[Table], context: Context) -> Section:
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


def _left_out(spec: Table, name: str, context: Context) -> str:
    """Why a method was not measured at all, or not at some noise levels, and where to read why it deviates."""
    measured = context.measured
    levels = {level: measured.without.get((spec.dataset, name, spec.condition(level))) for level in spec.levels}
    if (spec.dataset, name) not in context.makers:
        return unmade(spec.dataset, name)
    parts = [f"{spec.parameter} {level} not run: {reason}" for level, reason in levels.items() if reason]
    return measured.unavailable.get((spec.dataset, name)) or "; ".join(filter(None, (*parts, explained(name, "../"))))


def _groups(comparison: Comparison[Table]) -> dict[str, tuple[str, ...]]:
    """The columns of every method, by its label."""
    if comparison.demo:
        return dict.fromkeys(comparison.methods, MEASURED)
    return {
        method.printed: COMPARED if method.printed in comparison.methods else ("printed",)
        for method in comparison.spec.methods
    }


def _image_grids(comparison: Comparison[Table]) -> list[Section]:
    """One grid per noise level, one image per line, the average last."""
    grids = []
    for level in comparison.spec.levels:
        condition = comparison.spec.condition(level)
        items = dict.fromkeys(
            item for item, found, _, metric in comparison.shown if (found, metric) == (condition, "psnr")
        )
        lines: list[Line] = [((Cell(item),), item, condition, "psnr") for item in items]
        grids.append(_grid(comparison, f"{comparison.spec.symbol} = {level}, PSNR in dB", ("image",), lines))
    return grids


def _average_grid(comparison: Comparison[Table]) -> Section:
    """Averages only: one line per noise level and metric."""
    spec = comparison.spec
    lines: list[Line] = []
    for level in spec.levels:
        for metric in spec.metrics:
            head = (Cell(str(level)), Cell(METRIC_NAMES[metric]))
            lines.append((head, AVERAGE, spec.condition(level), metric))
    return _grid(comparison, f"Averages over {spec.dataset}", (spec.symbol, "metric"), lines)


def _grid(comparison: Comparison[Table], heading: str, stub: tuple[str, ...], lines: list[Line]) -> Section:
    """The columns of all methods but those of which no line has a value: some are printed at some levels only."""
    places = [(item, condition, metric) for _, item, condition, metric in lines]
    filled = {label for item, condition, label, metric in comparison.shown if (item, condition, metric) in places}
    groups = {label: columns for label, columns in _groups(comparison).items() if label in filled}
    return compared_grid(comparison, heading, stub, lines, groups, _shown)


def _shown(row: Row, line: list[Row], footnotes: list[str]) -> Cell:
    """A measured value, in bold if it is the best of its line."""
    text = number(row.reproduced, row.metric)
    values = [number(other.reproduced, row.metric) for other in line if other.reproduced is not None]
    return Cell(text, bold=text == best(values))


def _extra_grid(comparison: Comparison[Table]) -> Section | None:
    """Averages that the paper does not print: other models, other metrics."""
    rows = [row for row in comparison.unprinted.values() if row.item == AVERAGE]
    if comparison.demo:  # Everything is unprinted here; the sections already show the table's own metrics.
        rows = [row for row in rows if row.metric not in comparison.spec.metrics]
    lines: Lines = {(row.method, row.metric): {} for row in rows}
    footnotes: list[str] = []
    for row in rows:
        cell = Cell(number(row.reproduced, row.metric))
        lines[row.method, row.metric][level_of(row.condition)] = measured(comparison, row, cell, footnotes)
    return by_level(comparison, "Measured, not printed: averages (PSNR in dB)", lines, footnotes)
