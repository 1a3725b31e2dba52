"""The join of printed and measured values on their shared key, and the verdict on every cell, for tables of methods."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from stages.report.judging import judge, unprinted
from stages.report.kinds import OfMethods, Table
from stages.report.orderings import of_images
from stages.report.published import PrintedCell
from stages.report.results import AVERAGE, Score, level_of
from stages.report.rows import DECIMALS, DEMO_NOTE, Comparison, Context, Row, why_unmeasured
from stages.report.tables import DESIGN_TABLES, MODEL_LABELS, TABLES

Found = dict[tuple[str, str, str, str], Score]  # item, condition, measured method, metric
Why = Callable[[str, str, str, str], str]
UNITS = {"psnr": "dB", "ssim": ""}  # of the unprinted rows; accuracies are in %


def compare(spec: Table, context: Context) -> Comparison[Table]:
    """Join one table's printed cells with what was measured, and add what was measured besides."""
    found = {}
    for key, value in context.measured.values.items():
        dataset, item, condition, name, metric = key
        if dataset == context.dataset(spec) and metric in DECIMALS and condition.startswith(f"{spec.parameter}="):
            found[item, condition, name, metric] = Score(value, note=context.measured.notes.get(key, ""))
    methods = _methods(spec, context, {name for _, _, name, _ in found})
    why = partial(why_unmeasured, context, spec.dataset)
    rows = joined(spec, context, methods, found, why)
    orderings = of_images(spec, context, methods, lambda name, level: why(name, AVERAGE, level, spec.metrics[0]))
    return Comparison(spec, rows, methods, context.demo, tuple(orderings))


def joined(spec: OfMethods, context: Context, methods: dict[str, str], found: Found, why: Why) -> list[Row]:
    """The rows of a table: those of its printed cells, then those of what was measured besides, sorted.

    Args:
        methods: measured methods by the label that they have in this table, printed ones first.
        found: what was measured on the table's set, in the order of the results.
        why: why a method has no value, from its name, the item, the condition and the metric.
    """
    conditions = {spec.condition(level) for level in spec.levels}
    covered = (cell for cell in context.printed(spec) if cell.dataset == spec.dataset)
    cells = [cell for cell in covered if cell.condition in conditions]
    rows = [_printed(spec, context, cell, methods.get(cell.method, ""), found, why) for cell in cells]
    taken, shown = {row.place for row in rows}, {name: label for label, name in methods.items()}
    for (item, condition, name, metric), score in found.items():
        if name in shown:
            label = shown[name]
            if not _whole(spec, context, score):
                label = f"{label} ({score.images:,} images)"
            place = (item, condition, label, metric)
            row = unprinted(spec, context, place, UNITS.get(metric, "%"), score.value, name)
            rows += [] if row.place in taken else [_with(row, score)]
    items = dict.fromkeys([*(cell.item for cell in cells), *(item for item, *_ in found)])
    return sorted(rows, key=partial(_order, spec, shown, [*(item for item in items if item != AVERAGE), AVERAGE]))


def _methods(spec: Table, context: Context, found: set[str]) -> dict[str, str]:
    """Measured methods by their labels: those behind printed ones, then those `found` besides under its conditions."""
    behind = {method.printed: context.backing(spec, method) for method in spec.methods}
    shown = {label: name for label, name in behind.items() if name is not None}
    same_set = [table for table in TABLES if table.dataset == spec.dataset]
    elsewhere = {context.backing(table, method) for table in same_set for method in table.methods}
    elsewhere |= {design.measured for table in DESIGN_TABLES for design in table.designs}
    for name in context.measured.methods.get(context.dataset(spec), []):
        if name in found and name not in elsewhere:
            # One of a printed method's name does not stand behind it.
            shown[MODEL_LABELS.get(name, f"{name} (other model)" if name in behind else name)] = name
    return shown


def _printed(spec: OfMethods, context: Context, cell: PrintedCell, name: str, found: Found, why: Why) -> Row:
    """The row of a printed cell, behind which the method `name` stands, or none."""
    score = found.get((cell.item, cell.condition, name, cell.metric))
    if not name:
        reasons = (method.reason for method in spec.methods if method.printed == cell.method)
        remark = next(filter(None, reasons), "not part of the table's declaration")
    elif context.demo:  # another data set was measured
        remark = DEMO_NOTE
    elif score is None:
        remark = why(name, cell.item, cell.condition, cell.metric)
    elif not _whole(spec, context, score):
        remark = f"measured on {score.images:,} of {spec.images:,} images only"
    else:
        remark = "; ".join(filter(None, ("" if name == cell.method else f"measured with {name}", score.note)))
        return _with(judge(cell, score.value, name, remark, spec, context), score)
    return judge(cell, None, name, remark, spec, context)


def _whole(spec: OfMethods, context: Context, score: Score) -> bool:
    """Whether a value stands for all that it should; that of a stand-in has whatever size the scale gives it."""
    return context.demo or score.images in (None, spec.images)


def _with(row: Row, score: Score) -> Row:
    note = row.note if score.note in row.note else "; ".join(filter(None, (row.note, score.note)))
    return replace(row, low=score.low, high=score.high, images=score.images, caveat=score.note, note=note)


def _order(spec: OfMethods, shown: dict[str, str], items: list[str], row: Row) -> tuple:
    """By level, clean images last; printed set before stand-ins; item, method and metric as printed."""
    names = list(dict.fromkeys([*(method.printed for method in spec.methods), *shown.values()]))
    method = names.index(row.method if row.method in names else shown[row.measured])
    level = level_of(row.condition) if "=" in row.condition else float("inf")
    metric = [*spec.metrics, *DECIMALS].index(row.metric)
    return level, row.dataset != spec.dataset, items.index(row.item), method, row.method, metric
