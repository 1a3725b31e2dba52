"""Tables of numbers that are counted, timed or computed from others, each by a rule of its own: their join and page."""

from dataclasses import replace

from redenoise.document.model import Cell, Document, Section
from stages.report.computing import found
from stages.report.judging import judge
from stages.report.kinds import Number, NumberTable
from stages.report.parts import COMPARED, grid, mark, page, value_cells
from stages.report.results import Key
from stages.report.rows import Comparison, Context
from stages.report.shown import METRIC_NAMES, number, summary

LEGEND = (
    "`printed` is the paper's value, `reproduced` comes out of the rule beside it, Δ is reproduced minus printed.",
    "✓ within tolerance, ✗ off, ○ own training; notes.md has the tolerances.",
)
HEADS = {"of": "method", "set": "dataset", "under": "condition"}  # leading columns, where any number fills them
DEMO = "Demo scale: only what needs no test image is compared, on the networks at full size; what does is not run here."


def compare(spec: NumberTable, context: Context) -> Comparison[NumberTable]:
    """Join one table's printed cells with what their rules give."""
    rules = {_place(one): one.rule for one in spec.numbers}
    rows = []
    for cell in context.printed(spec):
        place = (cell.dataset, cell.item, cell.condition, cell.method, cell.metric)
        if place in rules:
            got = found(rules[place], cell, context)
            row = judge(cell, got.value, got.measured, got.remark, spec, context, got.ground)
            rows.append(replace(row, node=got.node, caveat=got.remark))
    return Comparison(spec, rows, {}, context.demo)


def document(comparison: Comparison[NumberTable], context: Context) -> Document:
    """Lay out one joined table: a line for each number, with its rule."""
    warning = DEMO if comparison.demo else ""
    items = (*LEGEND, *comparison.spec.protocol)
    return page(comparison, context, warning, summary(comparison), items, (_grid(comparison),))


def _place(one: Number) -> Key:
    return one.dataset, one.item, one.condition, one.method, one.metric


def _grid(comparison: Comparison[NumberTable]) -> Section:
    found = {(row.dataset, *row.inside): row for row in comparison.rows}
    footnotes: list[str] = []
    rows = []
    numbers = comparison.spec.numbers
    heads = {name: field for name, field in HEADS.items() if any(getattr(one, field) for one in numbers)}
    for one in numbers:
        row = found[_place(one)]
        shown = Cell(number(row.reproduced, row.metric), note=mark(row.caveat, footnotes) if row.caveat else 0)
        metric = f"{METRIC_NAMES[one.metric]}{f', {row.unit}' if row.unit != 'count' else ''}"
        head = (*(getattr(one, field) for field in heads.values()), metric, one.how)
        rows.append([*map(Cell, head), *value_cells(comparison, row, len(COMPARED), shown, footnotes)])
    return grid("Numbers", (*heads, "number", "rule"), [("", COMPARED)], rows, footnotes)
