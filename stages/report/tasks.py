"""Tables of high-level tasks: the join of printed and measured accuracies, and the orderings that they are to show."""

from collections.abc import Iterator
from functools import cache, partial

from redenoise.dag import paths
from redenoise.support.errors import UserError
from stages.report import outcomes
from stages.report.join import joined
from stages.report.kinds import TaskTable
from stages.report.orderings import ordered
from stages.report.outcomes import Difference, Outcomes
from stages.report.results import AVERAGE
from stages.report.rows import Comparison, Context, Ordered, unmade
from stages.report.tables import TASK_TABLES

CHECKED = 1e-3  # percentage points by which outcomes and results of one node may differ: the results have six decimals


def compare(spec: TaskTable, context: Context) -> Comparison[TaskTable]:
    """Join one table's printed cells with what was measured, add what was measured besides, and check its orderings.

    Raises:
        UserError: the outcomes behind an ordering are missing, damaged, or not those of the results.
    """
    methods, recognized = _methods(spec, context), context.recognized
    found = {
        (AVERAGE, condition, name, metric): score
        for (title, name, condition), scores in recognized.scores.items()
        if title == spec.dataset
        for metric, score in scores.items()
    }
    rows = joined(spec, context, methods, found, lambda name, _, level, __: why_missing(spec, context, name, level))
    return Comparison(spec, rows, methods, context.demo, tuple(_orderings(spec, context, methods)))


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


def _orderings(spec: TaskTable, context: Context, methods: dict[str, str]) -> Iterator[Ordered]:
    load = cache(partial(_outcomes, spec, context))  # A method stands in several orderings.
    scores = context.recognized.scores

    def why(name: str, condition: str) -> str:
        measured = spec.metrics[0] in scores.get((spec.dataset, name, condition), {})
        return "" if measured else why_missing(spec, context, name, condition)

    def difference(lower: str, higher: str, condition: str) -> Difference:
        return outcomes.difference(load(lower, condition), load(higher, condition))

    return ordered(spec, context, methods, why, difference)


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
