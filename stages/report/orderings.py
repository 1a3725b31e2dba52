"""What a table is to show: that one method does worse than another, checked on the images that both have seen."""

import math
from collections.abc import Callable, Iterator
from itertools import product

import numpy as np

from redenoise.document.model import NOTHING, Cell, Section
from stages.report.kinds import OfMethods, Ordering, Table
from stages.report.outcomes import Difference
from stages.report.parts import grid, mark
from stages.report.results import AVERAGE
from stages.report.rows import NOT_RUN, ORDER_STATUSES, REVERSED, SURE, Comparison, Context, Ordered, signed
from stages.report.shown import METRIC_NAMES

UNITS = {"psnr": "dB"}  # of a difference; of an accuracy it is percentage points


def ordered(
    spec: OfMethods,
    context: Context,
    methods: dict[str, str],
    why: Callable[[str, str], str],
    difference: Callable[[str, str, str], Difference],
) -> Iterator[Ordered]:
    """Every ordering of a table at every noise level, of a printed one without those neither printed nor measured.

    Args:
        methods: measured methods by the label that they have in the table.
        why: why a method has no value under a condition; empty where it has one.
        difference: the second method minus the first under a condition, both of the results.
    """
    in_print = any((cell.paper, cell.table) == (spec.paper, spec.table) for cell in context.cells)
    for level, ordering in product(spec.levels, spec.orderings):
        condition = spec.condition(level)
        lower, higher = (methods.get(label) or label for label in (ordering.lower, ordering.higher))
        reason = why(lower, condition) or why(higher, condition)
        printed = _printed(spec, context, ordering, condition)
        if reason and printed is None and not ordering.control and in_print:
            continue
        found = None if reason else difference(lower, higher, condition)
        yield Ordered(ordering, level, printed, found, reason)


def of_images(
    spec: Table, context: Context, methods: dict[str, str], why: Callable[[str, str], str]
) -> Iterator[Ordered]:
    """The orderings of a table of denoisers, by the PSNR of the images of its set.

    Args:
        why: why a method has no value at all under a condition.
    """
    values: dict[tuple[str, str], dict[str, float]] = {}
    for (dataset, item, condition, method, metric), value in context.measured.values.items():
        ours = (dataset, metric) == (context.dataset(spec), spec.metrics[0]) and item != AVERAGE
        if ours and math.isfinite(value):  # exact images have no difference
            values.setdefault((method, condition), {})[item] = value

    def missing(name: str, condition: str) -> str:
        return "" if (name, condition) in values else why(name, condition)

    def difference(lower: str, higher: str, condition: str) -> Difference:
        below, above = values[lower, condition], values[higher, condition]
        paired = np.array([above[item] - below[item] for item in below if item in above])
        error = float(paired.std(ddof=1) / len(paired) ** 0.5) if len(paired) > 1 else 0.0
        return Difference(float(paired.mean()), error, len(paired))

    return ordered(spec, context, methods, missing, difference)


def _printed(spec: OfMethods, context: Context, ordering: Ordering, condition: str) -> float | None:
    """The difference of the printed averages; None for a control, and where one of them is not printed."""
    place = (spec.dataset, AVERAGE, condition, spec.metrics[0])
    cells = [cell for cell in context.printed(spec) if (cell.dataset, cell.item, cell.condition, cell.metric) == place]
    values = {cell.method: float(cell.value) for cell in cells}
    if ordering.control or not {ordering.lower, ordering.higher} <= values.keys():
        return None
    return values[ordering.higher] - values[ordering.lower]


def legend(spec: OfMethods, error: str) -> str:
    """When an ordering holds; `error`: what its standard error is of."""
    return (
        f"Orderings, below: `holds` if the difference in {METRIC_NAMES[spec.metrics[0]]} is positive by more than "
        f"{SURE} standard errors, `reversed` if it is negative by more than {SURE}, else `undecided`. The standard "
        f"error is that {error}: both methods see the same images, noisy or degraded alike."
    )


def summary(comparison: Comparison) -> str:
    """How many orderings have which status."""
    statuses = [one.status for one in comparison.orderings]
    hold, undecided, turned, missing = (statuses.count(status) for status in ORDER_STATUSES)
    return f"{len(statuses)} orderings: {hold} hold, {undecided} undecided, {turned} reversed, {missing} not run."


def section(comparison: Comparison) -> Section | None:
    """Every ordering at every noise level: the difference, how sure it is, and whether it holds."""
    if not comparison.orderings:
        return None
    rows: list[list[Cell]] = []
    footnotes: list[str] = []
    names: tuple[str, ...] = ("difference", "error", "difference / error", "images", "lower < higher")
    for one in comparison.orderings:
        ordering = one.ordering
        cells = [Cell(text) for text in (str(one.level), ordering.lower, ordering.higher, ordering.source)]
        if not comparison.demo:
            cells.append(Cell(NOTHING if one.printed is None else signed(one.printed, 2)))
        rows.append([*cells, *_cells(one, footnotes)])
    if not comparison.demo:
        names = ("printed difference", *names)
    metric = comparison.spec.metrics[0]
    heading = f"Orderings: higher minus lower in {METRIC_NAMES[metric]}, {UNITS.get(metric, 'percentage points')}"
    return grid(heading, (comparison.spec.symbol, "lower", "higher", "of"), [("", names)], rows, footnotes)


def _cells(one: Ordered, footnotes: list[str]) -> list[Cell]:
    if one.found is None:
        return [Cell()] * 4 + [not_run(one.reason, footnotes)]
    found, ratio = one.found, one.ratio
    texts = (signed(found.value, 2), f"{found.error:.2f}", NOTHING if ratio is None else signed(ratio, 1))
    return [*map(Cell, texts), Cell(f"{found.images:,}"), Cell(one.status, bold=one.status == REVERSED)]


def not_run(reason: str, footnotes: list[str]) -> Cell:
    """A cell without a value; a footnote says why."""
    return Cell(NOT_RUN, note=mark(f"not run: {reason}", footnotes))
