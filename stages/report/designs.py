"""Tables of network designs: their join and their page. A count needs no images, so it is compared at every scale."""

from collections.abc import Iterator

from redenoise.document.model import Cell, Document, Section
from stages.report.judging import judge, unprinted
from stages.report.kinds import Design, DesignTable
from stages.report.parts import COMPARED, DETAIL_PLACE, MEASURED, grid, methods_grid, page, spread_grid, value_cells
from stages.report.published import PrintedCell
from stages.report.results import AVERAGE
from stages.report.rows import DEMO_NOTE, Comparison, Context, Place, Row, why_unmeasured
from stages.report.shown import number, summary
from stages.report.tables import PRINTED_UNITS, TOLERANCES
from stages.report.weights import card_at, describe

DEMO_WARNING = (
    "Demo scale: the PSNR is that of miniature networks on stand-in images and cannot be compared with print. "
    "The parameters are always counted on the full-size networks, and are compared."
)


def compare(spec: DesignTable, context: Context) -> Comparison[DesignTable]:
    """Join one table of designs: its rows in the paper's order, each with its parameters and its PSNR."""
    methods = {design.item: design.measured for design in spec.designs}
    rows = [row for design in spec.designs for row in _rows(spec, design, context)]
    return Comparison(spec, rows, methods, context.demo)


def document(comparison: Comparison[DesignTable], context: Context) -> Document:
    """Lay out one joined table of designs."""
    warning = DEMO_WARNING if comparison.demo else ""
    items = (*_legend(comparison), *comparison.spec.protocol)
    sections = (_grid(comparison), _network_grid(comparison, context), spread_grid(comparison))
    return page(comparison, context, warning, summary(comparison), items, sections)


def place(spec: DesignTable, item: str, metric: str) -> Place:
    """Where a design's value stands in its table."""
    return item, "" if metric == "params" else f"sigma={spec.sigma}", spec.method, metric


def _rows(spec: DesignTable, design: Design, context: Context) -> Iterator[Row]:
    name = design.measured
    for cell in context.printed(spec):
        if cell.item == design.item:
            value, remark = (_count if cell.metric == "params" else _psnr)(cell, design, context)
            yield judge(cell, value, name, remark, spec, context)
    shown = place(spec, design.item, "psnr")
    value = context.measured.values.get((context.dataset(spec), AVERAGE, shown[1], name, "psnr"))
    if context.demo and value is not None:
        yield unprinted(spec, context, shown, "dB", value, name)


def _count(cell: PrintedCell, design: Design, context: Context) -> tuple[float | None, str]:
    """Parameters of a design, or why there is no count."""
    return context.counted(design.family, "params")


def _psnr(cell: PrintedCell, design: Design, context: Context) -> tuple[float | None, str]:
    """Average PSNR of a design on the real images, or why there is none."""
    name = design.measured
    place = (cell.dataset, AVERAGE, cell.condition, name, cell.metric)
    value = context.measured.values.get(place)
    if value is not None:
        return value, context.measured.notes.get(place, "")
    if context.demo:
        return None, DEMO_NOTE
    return None, why_unmeasured(context, cell.dataset, name, AVERAGE, cell.condition, cell.metric)


def _legend(comparison: Comparison[DesignTable]) -> tuple[str, ...]:
    half, psnr = PRINTED_UNITS["params"] / 2, TOLERANCES["psnr", AVERAGE]
    texts = [
        "`printed` is the paper's value, `reproduced` is counted or measured here, Δ is reproduced minus printed. The "
        "design in bold is the one that the paper chose.",
        "✓ within tolerance, ✗ off, ○ own training. Parameters are printed in thousands: a count is reproduced if it "
        f"is at most {half:.0f} away, so that it rounds to print.",
    ]
    if not comparison.demo:
        texts.append(f"An average PSNR may be {psnr:.2f} dB away, plus half a unit of the printed last place.")
        texts.append(DETAIL_PLACE)
    return tuple(texts)


def _grid(comparison: Comparison[DesignTable]) -> Section:
    spec, rows = comparison.spec, []
    footnotes: list[str] = []
    groups = (("parameters", COMPARED), ("PSNR", MEASURED if comparison.demo else COMPARED))
    metrics = (("params", comparison.printed), ("psnr", comparison.shown))
    for design in spec.designs:
        cells = [Cell(text, bold=design.item == spec.chosen) for text in design.shown]
        for (_, columns), (metric, found) in zip(groups, metrics, strict=True):
            row = found.get(place(spec, design.item, metric))
            shown = Cell(number(row.reproduced if row else None, metric))
            cells += value_cells(comparison, row, len(columns), shown, footnotes)
        rows.append(cells)
    heading = f"Designs: parameters, and average PSNR in dB on {spec.dataset} at σ = {spec.sigma}"
    return grid(heading, spec.columns, groups, rows, footnotes)


def _network_grid(comparison: Comparison[DesignTable], context: Context) -> Section:
    """What stands behind each row: the measured method, how its weights were made, or why there are none."""
    spec, rows = comparison.spec, []
    for design in spec.designs:
        card = card_at(context.config, context.records, design.family, spec.sigma)
        row = comparison.printed.get(place(spec, design.item, "psnr"))
        note = row.note if row and row.reproduced is None and not comparison.demo else ""
        rows.append((design.item, design.measured, describe(context.config, card) if card else "", note))
    return methods_grid("Networks", ("design", "measured", "weights", "note"), rows, spec.dataset, context)
