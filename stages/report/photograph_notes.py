"""The section of the notes on photographs: what of the claim of the papers holds there, and what that is owed to."""

from collections.abc import Iterator

from redenoise.document.model import NOTHING, Block, Items, Paragraph, Section, Table, table
from stages.report import tasks
from stages.report.cascade_notes import SIGMA, WEIGHT_COLUMNS, trainings
from stages.report.kinds import TaskTable
from stages.report.orderings import summary
from stages.report.photograph_tasks import SPECS
from stages.report.rows import HOLDS, Comparison, Context, Ordered, signed
from stages.report.shown import METRIC_NAMES, change, number

HEADING = "The papers' claim on photographs that anybody may fetch"
INTRODUCTION = (
    "Other, smaller networks on other photographs, so none of it is compared with print. An ordering holds if the "
    "difference is more than two standard errors of paired images; differences are percentage points ± one of these."
)
LOSSES = (
    f"What the weights of the loss do, at sigma {SIGMA}: every training through a task, tested on one of the sets, and "
    "how far it is from the control there, which has λ_P = λ_H = 0."
)


def sections(context: Context) -> tuple[Section, ...]:
    """The section; none at the demo scale, whose images are no photographs, and where nothing of it was measured."""
    if context.demo:
        return ()
    comparisons = [tasks.compare(spec, context) for spec in SPECS]
    measured = [one for one in comparisons if any(ordering.found for ordering in one.orderings)]
    if not measured:
        return ()
    found: list[Block] = [Paragraph(INTRODUCTION), Items(tuple(map(_said, measured))), _orderings(measured)]
    if rows := [row for comparison in measured for row in _losses(comparison.spec, context)]:
        weights = WEIGHT_COLUMNS[2:]
        values = ("value", "to control", "PSNR", "PSNR to control")
        columns = ("tested on", "method", "cascade", *weights, "measure", *values)
        found += [Paragraph(LOSSES), table(columns, rows, numbers=(*weights, *values))]
    return (Section(HEADING, tuple(found)),)


def _said(comparison: Comparison[TaskTable]) -> str:
    """How many orderings hold, and what joint training gains over the control."""
    spec = comparison.spec
    text = f"[{spec.dataset}]({spec.name}.md): {summary(comparison)}"
    controls = [one for one in comparison.orderings if one.ordering.control and one.found]
    if not controls:
        return text
    values = [one.found.value for one in controls if one.found]
    size = signed(values[0], 2) if len(values) == 1 else f"{signed(min(values), 2)} to {signed(max(values), 2)}"
    levels = ", ".join(str(one.level) for one in controls if one.status == HOLDS)
    sure = f"more than two standard errors at σ = {levels}" if levels else "nowhere more than two standard errors"
    gain = f"joint training gains {size} points of {METRIC_NAMES[spec.metrics[0]]}, {sure}"
    return f"{text} Over the control, the same images and steps without the task, {gain}."


def _orderings(comparisons: list[Comparison[TaskTable]]) -> Table:
    """Every measured ordering at all noise levels."""
    levels = comparisons[0].spec.levels
    rows = []
    for comparison in comparisons:
        for ordering in comparison.spec.orderings:
            found = {one.level: _cell(one) for one in comparison.orderings if one.ordering == ordering and one.found}
            if found:
                cells = (found.get(level, NOTHING) for level in levels)
                rows.append((comparison.spec.dataset, ordering.claim, ordering.source, *cells))
    return table(("set", "lower < higher", "of", *(f"σ = {level}" for level in levels)), rows)


def _cell(one: Ordered) -> str:
    return f"{signed(one.found.value, 2)} ± {one.found.error:.2f}, {one.status}" if one.found else NOTHING


def _losses(spec: TaskTable, context: Context) -> Iterator[tuple[str, ...]]:
    """A line for every training that was tested on the set of a table."""
    metric, name = spec.metrics[0], METRIC_NAMES[spec.metrics[0]]
    found = list(trainings(spec.dataset, metric, context))
    control = next((one for one in found if one.control), None)
    for one in found:
        gains = [NOTHING, NOTHING]
        if control and not one.control:
            gains = [change(one.score.value - control.score.value, metric), change(one.psnr - control.psnr, "psnr")]
        value, quality = number(one.score.value, metric), number(one.psnr, "psnr")
        yield spec.dataset, one.method, one.cascade, *one.weights, name, value, gains[0], quality, gains[1]
