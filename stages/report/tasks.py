"""Tables of high-level tasks: the join of printed and measured accuracies, and the orderings that they are to show."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache, partial
from itertools import product

from redenoise.dag import paths
from redenoise.support.errors import UserError
from stages.report import labels, outcomes
from stages.report.kinds import Ordering, TaskTable
from stages.report.outcomes import Outcomes
from stages.report.published import PrintedCell
from stages.report.recognized import Score
from stages.report.results import AVERAGE, is_noise, sigma
from stages.report.rows import DEMO_NOTE, Comparison, Context, Ordered, Row, judge, unmade, unprinted
from stages.report.tables import TASK_TABLES

CHECKED = 1e-3  # percentage points by which outcomes and results of one node may differ: the results have six decimals
UNITS = {"psnr": "dB"}  # of the unprinted rows; all others are in %


def compare(spec: TaskTable, context: Context) -> Comparison[TaskTable]:
    """Join one table's printed cells with what was measured, add what was measured besides, and check its orderings.

    Raises:
        UserError: the outcomes behind an ordering are missing, damaged, or not those of the results.
    """
    methods = _methods(spec, context)
    rows = [*_printed_rows(spec, context, methods), *_measured_rows(spec, context, methods)]
    orderings = tuple(_orderings(spec, context, methods))
    return Comparison(spec, _sorted(rows, spec, context, methods), methods, context.demo, orderings)


def why_missing(spec: TaskTable, context: Context, name: str, condition: str) -> str:
    """Why there is no value of a measured method at one noise level of a table's set."""
    node = context.recognized.nodes.get((spec.dataset, name))
    if node is None:
        return unmade(spec.dataset, name)
    return context.recognized.why(spec.dataset, name, condition) or f"node {node[1]} did not measure {condition}"


def _methods(spec: TaskTable, context: Context) -> dict[str, str]:
    """Measured methods by the label that they have in this table: the printed ones, then those of no table."""
    shown = {method.printed: method.measured or "" for method in spec.methods}
    behind = {method.measured for table in TASK_TABLES if table.dataset == spec.dataset for method in table.methods}
    return shown | {name: name for name in context.recognized.methods(spec.dataset) if name not in behind}


def _whole(spec: TaskTable, context: Context, score: Score) -> bool:
    """Whether a value stands for the whole set; that of a stand-in has whatever size the scale gives it."""
    return context.demo or score.images == spec.images


def _printed_rows(spec: TaskTable, context: Context, methods: dict[str, str]) -> Iterator[Row]:
    for cell in context.printed(spec):
        name = methods[cell.method]
        score = context.recognized.scores.get((spec.dataset, name, cell.condition), {}).get(cell.metric)
        if score is not None and not context.demo and _whole(spec, context, score):
            remark = "" if name == cell.method else f"measured with {name}"
            yield _with(judge(cell, score.value, name, remark, spec, context), score)
        else:
            yield judge(cell, None, name, _why_not_run(spec, context, cell, name, score), spec, context)


def _why_not_run(spec: TaskTable, context: Context, cell: PrintedCell, name: str, score: Score | None) -> str:
    if context.demo:
        return DEMO_NOTE
    if score is not None:
        return f"measured on {score.images:,} of {spec.images:,} images only"
    return why_missing(spec, context, name, cell.condition)


def _measured_rows(spec: TaskTable, context: Context, methods: dict[str, str]) -> Iterator[Row]:
    """A row without a printed value for everything else that the table's methods measured on its set."""
    printed = {method.printed for method in spec.methods}
    names = {name: label for label, name in methods.items()}
    for (title, name, condition), scores in context.recognized.scores.items():
        if title != spec.dataset or name not in names:
            continue
        for metric, score in scores.items():
            label, whole = names[name], _whole(spec, context, score)
            if label in printed and metric in spec.metrics and whole and not context.demo:
                continue  # It stands beside its printed cell.
            shown = label if whole else labels.PART.format(label, score.images)
            place = (AVERAGE, condition, shown, metric)
            yield _with(unprinted(spec, context, place, UNITS.get(metric, "%"), score.value, name), score)


def _with(row: Row, score: Score) -> Row:
    return replace(row, low=score.low, high=score.high, images=score.images)


def _sorted(rows: list[Row], spec: TaskTable, context: Context, methods: dict[str, str]) -> list[Row]:
    """By noise level, clean images last; printed set before stand-ins, method as shown, metric."""
    names = list(methods.values())
    metrics = [*spec.metrics, "psnr"]

    def order(row: Row) -> tuple:
        level = sigma(row.condition) if is_noise(row.condition) else float("inf")
        return level, row.dataset != spec.dataset, names.index(row.measured), row.method, metrics.index(row.metric)

    return sorted(rows, key=order)


def _orderings(spec: TaskTable, context: Context, methods: dict[str, str]) -> Iterator[Ordered]:
    load = cache(partial(_outcomes, spec, context))  # A method stands in several orderings.
    for level, ordering in product(spec.sigmas, spec.orderings):
        condition, found = f"sigma={level}", None
        names = [methods.get(label, label) for label in (ordering.lower, ordering.higher)]
        scores = context.recognized.scores
        lacking = (name for name in names if spec.metrics[0] not in scores.get((spec.dataset, name, condition), {}))
        reason = next((why_missing(spec, context, name, condition) for name in lacking), "")
        if not reason:
            found = outcomes.difference(*(load(name, condition) for name in names))
        printed = None if ordering.control else _printed_difference(spec, context, ordering, condition)
        yield Ordered(ordering, level, printed, found, reason)


def _outcomes(spec: TaskTable, context: Context, name: str, condition: str) -> Outcomes:
    """The outcomes of one method at one noise level, which must give its measured value."""
    key = context.recognized.nodes[spec.dataset, name][1]
    path = paths.outcomes(context.config.scale, key)
    score = context.recognized.scores[spec.dataset, name, condition][spec.metrics[0]]
    found = outcomes.read(path, condition, spec.metrics[0])
    if len(found) != score.images or abs(found.accuracy - score.value) > CHECKED:
        line = f"{path}: {condition} gives {found.accuracy:.4f} % over {len(found)} images"
        line += f", the results say {score.value:.4f} % over {score.images}"
        raise UserError(f"{line}; delete it and run recognition {key} again")
    return found


def _printed_difference(spec: TaskTable, context: Context, ordering: Ordering, condition: str) -> float:
    places = {(cell.condition, cell.method, cell.metric): float(cell.value) for cell in context.printed(spec)}
    lower, higher = (places[condition, name, spec.metrics[0]] for name in (ordering.lower, ordering.higher))
    return higher - lower
