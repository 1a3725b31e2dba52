"""The join of printed and measured values on their shared key, and the verdict on every cell."""

from collections.abc import Iterator

from stages.report import labels
from stages.report.kinds import Method, Table
from stages.report.published import PrintedCell
from stages.report.results import AVERAGE, is_noise, sigma
from stages.report.rows import DECIMALS, DEMO_NOTE, Comparison, Context, Row, judge, unprinted, why_unmeasured
from stages.report.tables import DESIGN_TABLES, TABLES


def compare(spec: Table, context: Context) -> Comparison[Table]:
    """Join one table's printed cells with what was measured, and add what was measured besides."""
    methods = _methods(spec, context)
    rows = list(_printed_rows(spec, context, methods))
    taken = {row.place for row in rows}
    rows += [row for row in _measured_rows(spec, context, methods) if row.place not in taken]
    return Comparison(spec, _sorted(rows, spec, context, methods), methods, context.demo)


def _methods(spec: Table, context: Context) -> dict[str, str]:
    """Measured methods by the label that they have in this table, printed ones first."""
    behind = {method.printed: context.backing(spec, method) for method in spec.methods}
    shown = {label: name for label, name in behind.items() if name is not None}
    same_set = [table for table in TABLES if table.dataset == spec.dataset]
    elsewhere = {context.backing(table, method) for table in same_set for method in table.methods}
    elsewhere |= {design.measured for table in DESIGN_TABLES for design in table.designs}
    for name in context.measured.methods.get(context.dataset(spec), []):
        if name not in elsewhere:
            shown[labels.unprinted(name, behind)] = name
    return shown


def _printed_rows(spec: Table, context: Context, methods: dict[str, str]) -> Iterator[Row]:
    for cell in _cells(spec, context):
        name = methods.get(cell.method, "")
        # At the demo scale the results carry another data set's name, so nothing can meet a printed cell.
        value = context.measured.values.get((cell.dataset, cell.item, cell.condition, name, cell.metric))
        remark = "" if name == cell.method else f"measured with {name}"
        yield judge(cell, value, name, _why_not_run(spec, context, cell) if value is None else remark, spec, context)


def _measured_rows(spec: Table, context: Context, methods: dict[str, str]) -> Iterator[Row]:
    """A row without a printed value for everything that was measured by the table's methods on its set."""
    shown = {name: label for label, name in methods.items()}
    for (dataset, item, condition, name, metric), value in context.measured.values.items():
        if dataset == context.dataset(spec) and name in shown and metric in DECIMALS and is_noise(condition):
            place = (item, condition, shown[name], metric)
            yield unprinted(spec, context, place, "dB" if metric == "psnr" else "", value, name)


def _why_not_run(spec: Table, context: Context, cell: PrintedCell) -> str:
    method = next((method for method in spec.methods if method.printed == cell.method), Method(cell.method))
    name = context.backing(spec, method)
    if name is None:
        return method.reason or "not part of the table's declaration"
    return DEMO_NOTE if context.demo else why_unmeasured(context, spec.dataset, name, cell.item, cell.condition)


def _cells(spec: Table, context: Context) -> list[PrintedCell]:
    """The printed cells that the table covers."""
    conditions = {f"sigma={level}" for level in spec.sigmas}
    found = context.printed(spec)
    return [cell for cell in found if cell.dataset == spec.dataset and cell.condition in conditions]


def _sorted(rows: list[Row], spec: Table, context: Context, methods: dict[str, str]) -> list[Row]:
    """By noise level, printed set before stand-ins, image as printed, method as printed, metric; averages last."""
    printed = [cell.item for cell in _cells(spec, context)]
    images = dict.fromkeys([*printed, *context.measured.items.get(context.dataset(spec), [])])
    images.pop(AVERAGE, None)
    item_order = {item: index for index, item in enumerate([*images, AVERAGE])}
    labels = dict.fromkeys([*(method.printed for method in spec.methods), *methods])
    method_order = {label: index for index, label in enumerate(labels)}
    metric_order = {metric: index for index, metric in enumerate(DECIMALS)}

    def order(row: Row) -> tuple:
        place = (item_order[row.item], method_order[row.method], metric_order[row.metric])
        return sigma(row.condition), row.dataset != spec.dataset, *place

    return sorted(rows, key=order)
