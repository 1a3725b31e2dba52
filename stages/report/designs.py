"""Tables of network designs: their join and their page. A count needs no images, so it is compared at every scale."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from redenoise.document.model import Cell, Document, Section
from stages.report.kinds import Design, DesignTable
from stages.report.parts import COMPARED, DETAIL_PLACE, MEASURED, grid, methods_grid, page, spread_grid, value_cells
from stages.report.results import AVERAGE
from stages.report.rows import (
    DEMO_NOTE,
    UNPRINTED,
    Comparison,
    Context,
    Row,
    judge,
    scope_of,
    suspects,
    suspicion,
    why_unmeasured,
)
from stages.report.shown import number, summary
from stages.report.tables import PRINTED_UNITS, TOLERANCES
from stages.report.weights import card_at, describe

DEMO_WARNING = (
    "Demo scale: the PSNR is that of miniature networks on stand-in images and cannot be compared with print. "
    "The parameters are always counted on the full-size networks, and are compared."
)


def compare(spec: DesignTable, context: Context) -> Comparison:
    """Join one table of designs: its rows in the paper's order, each with its parameters and its PSNR."""
    methods = {design.item: design.measured for design in spec.designs}
    rows = [row for design in spec.designs for row in _rows(spec, design, context)]
    return Comparison(spec, rows, methods, context.demo)


def document(comparison: Comparison, context: Context) -> Document:
    """Lay out one joined table of designs."""
    warning = DEMO_WARNING if comparison.demo else ""
    items = (*_legend(comparison), *comparison.spec.protocol)
    sections = (_grid(comparison), _network_grid(comparison, context), spread_grid(comparison))
    return page(comparison, context, warning, summary(comparison), items, sections)


def place(spec: DesignTable, item: str, metric: str) -> tuple[str, str, str, str]:
    """Where a design's value stands in its table."""
    return item, "" if metric == "params" else f"sigma={spec.sigma}", spec.method, metric


def _rows(spec: DesignTable, design: Design, context: Context) -> Iterator[Row]:
    cells, found = context.cells, suspects(spec, context)
    chosen = (cells["paper"] == spec.paper) & (cells["table"] == spec.table) & (cells["item"] == design.item)
    for cell in cells[chosen].itertuples(index=False):
        count = cell.metric == "params"
        value, remark = (_count if count else _psnr)(cell, design, context)
        suspect = found.get((cell.dataset, cell.item, cell.condition, cell.method, cell.metric))
        spread = context.spreads.get((cell.dataset, cell.condition, design.measured, cell.metric))
        judged = judge(cell, value, design.measured, remark, scope_of(spec, cell.item, cell.metric), suspect)
        yield replace(judged, spread=spread)
    condition, dataset = f"sigma={spec.sigma}", context.dataset(spec)
    value = context.measured.values.get((dataset, AVERAGE, condition, design.measured, "psnr"))
    if context.demo and value is not None:
        head = (dataset, design.item, condition, spec.method, "psnr", "dB")
        spread = context.spreads.get((dataset, condition, design.measured, "psnr"))
        yield Row(*head, "", value, UNPRINTED, DEMO_NOTE, AVERAGE, design.measured, spread=spread)


def _count(cell: Any, design: Design, context: Context) -> tuple[float | None, str]:
    """Parameters of a design, or why there is no count."""
    found = context.measured.counts.get(design.family)
    return found, "" if found is not None else f"no entry of params.yaml defines the family {design.family}"


def _psnr(cell: Any, design: Design, context: Context) -> tuple[float | None, str]:
    """Average PSNR of a design on the real images, or why there is none."""
    name = design.measured
    value = context.measured.values.get((cell.dataset, AVERAGE, cell.condition, name, cell.metric))
    if value is not None:
        return value, ""
    return None, DEMO_NOTE if context.demo else why_unmeasured(context, cell.dataset, name, AVERAGE, cell.condition)


def _legend(comparison: Comparison) -> tuple[str, ...]:
    half, psnr = PRINTED_UNITS["params"] / 2, TOLERANCES["psnr", AVERAGE]
    texts = [
        "`printed` is the paper's value, `reproduced` is counted or measured here, Δ is reproduced minus printed. The "
        "design in bold is the one that the paper chose.",
        "✓ within tolerance, ✗ off. Parameters are printed in thousands: a count is reproduced if it is at most "
        f"{half:.0f} away, so that it rounds to print.",
    ]
    if not comparison.demo:
        texts.append(f"An average PSNR may be {psnr:.2f} dB away, plus half a unit of the printed last place.")
        texts.append(DETAIL_PLACE)
    return tuple(texts)


def _grid(comparison: Comparison) -> Section:
    spec, rows, footnotes = comparison.spec, [], []
    groups = (("parameters", COMPARED), ("PSNR", MEASURED if comparison.demo else COMPARED))
    metrics = (("params", comparison.printed), ("psnr", comparison.shown))
    for design in spec.designs:
        cells = [Cell(text, bold=design.item == spec.chosen) for text in design.shown]
        for (_, columns), (metric, found) in zip(groups, metrics, strict=True):
            row = found.get(place(spec, design.item, metric))
            if row and row.suspect:
                footnotes.append(suspicion(row.suspect, row.reproduced, metric))
            note = len(footnotes) if row and row.suspect else 0
            shown = Cell(number(row.reproduced if row else None, metric))
            cells += value_cells(comparison, row, len(columns), shown, note=note)
        rows.append(cells)
    heading = f"Designs: parameters, and average PSNR in dB on {spec.dataset} at σ = {spec.sigma}"
    return grid(heading, spec.columns, groups, rows, footnotes)


def _network_grid(comparison: Comparison, context: Context) -> Section:
    """What stands behind each row: the measured method, how its weights were made, or why there are none."""
    spec, rows = comparison.spec, []
    for design in spec.designs:
        card = card_at(context.config, context.records, design.family, spec.sigma)
        row = comparison.printed.get(place(spec, design.item, "psnr"))
        missing = row is not None and row.reproduced is None and not comparison.demo
        rows.append((design.item, design.measured, describe(card) if card else "", row.note if missing else ""))
    return methods_grid("Networks", ("design", "measured", "weights", "note"), rows, spec.dataset, context)
