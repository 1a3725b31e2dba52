"""The overview: how much of each table is reproduced, what deviates most, and from which data and weights."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from statistics import fmean

from redenoise.dag.table import MEASURING
from redenoise.document.model import (
    DELTA,
    NETWORK,
    NOTHING,
    PRINTED,
    WARNING,
    Block,
    Cell,
    Document,
    Items,
    Paragraph,
    Section,
    Table,
    table,
)
from stages.report.causes import UNEXPLAINED, by_cause, once, sentences
from stages.report.details import DETAILS, UNDECIDED, words
from stages.report.history import instructions_of
from stages.report.kinds import Ordering, TaskTable
from stages.report.recognized import ACCURACIES, ACCURACY_COLUMNS, accuracies
from stages.report.results import AVERAGE, averages, level_of, shown_level
from stages.report.rows import (
    NOT_RUN,
    OFF,
    ORDER_STATUSES,
    OWN_TRAINING,
    REPRODUCED,
    STATUSES,
    Comparison,
    Context,
    Row,
)
from stages.report.shown import (
    METRIC_NAMES,
    cell_name,
    change,
    papers,
    verdict,
    with_interval,
    with_spread,
)
from stages.report.tables import explained
from stages.report.values import Shown
from stages.report.weights import Records

MAKING = ("download", "synthesize", "degrade", "train", "labelled", "task", "cascade")  # that make what they measure
Rows = Iterator[tuple[object, ...]]
WORST = 10
HASH_LENGTH = 12
COUNT_COLUMNS = ("printed", *STATUSES)
VALUE_COLUMNS = ("printed", "reproduced", "Δ")
MEAN_COLUMNS = ("table", "method", "measured with", "metric", "σ", *VALUE_COLUMNS, "over seeds", "distance")
DEVIATION_COLUMNS = ("compared", "reproduced", "own training", "mean Δ", "largest Δ")
WORST_ORDER = (
    "Of the cells measured on images; counts and run times stand in their own tables. Sorted not by |Δ| but by |Δ| "
    "divided by the tolerance of the cell ([notes.md](notes.md) has the tolerances): that of an average is narrower "
    "than that of a single image."
)
ORDER_TEXT = (
    "What the tables are to show, at each of their noise levels: it `holds` if the difference, paired over the images, "
    "is positive by more than two standard errors. The differences are on the tables' pages."
)
ONCE = "all, once where two papers print one measurement"
STATUS_TEXT = (
    "`reproduced` and `off` are verdicts on published weights, trainings by the paper's whole schedule, filters, "
    "counts and run times. `own training`: the weights are of another training than the paper's, or imported, which "
    "neither reproduces print nor fails to; the difference stands beside it. More: docs/glossary.md, `ground`."
)
DETAIL_TEXT = (
    "`within rounding`: print could be the measured value, rounded. `within the spread`: it could with another seed, "
    "two standard deviations away. `within the tolerance`: neither explains the difference, or one seed was measured. "
    "`off, yet within the spread`: off by the tolerance, and undecided. Parameters are counted and cannot vary."
)
SPREAD_TEXT = (
    "Mean and one standard deviation over seeds where the measurement was repeated "
    "(`redenoise spread`), else `one seed`."
)
UNEXPLAINED_TEXT = (
    "Every other cell that is off has one of the causes above: a strong suspicion of a misprint comes first, then what "
    "is counted or timed in another way, then an own implementation, last a weak suspicion."
)
METHOD_TEXT = "Over all compared cells of a table: images, averages, networks."
HASH_TEXT = (
    "The hash covers names and contents of everything that the node wrote. How every network was trained, and its "
    "learning curve, is in [training.md](training.md); the figures are in [figures.md](figures.md); commit, "
    "durations and package versions of every node are in [provenance.md](provenance.md), findings about the papers "
    "in [notes.md](notes.md)."
)
DEMO_WARNING = (
    "Demo scale: these are stand-in images and tiny networks trained for seconds. Nothing that was measured on them "
    "can be compared with a printed value; what needs no image alone is: counts of the full-size networks, run times. "
    "What is measured for real here too, a released network beside CBM3D, is in [photographs.md](photographs.md)."
)


def document(comparisons: list[Comparison], context: Context) -> Document:
    """The overview; two runs on one machine give the same."""
    shown, demo = Shown(), context.demo
    warning = (Paragraph(DEMO_WARNING, WARNING),) if demo else ()
    orderings = table(("table", "statement", "of", *ORDER_STATUSES), _orderings(comparisons), ORDER_STATUSES)
    hashes = table(("node", "output", "sha256"), _hashes(context.records))
    sections = (
        Section("", (*warning, Items(sentences(comparisons)), _facts(context))),
        Section("Papers", (papers(dict.fromkeys(comparison.spec.paper for comparison in comparisons)),)),
        Section("Cells", _cell_blocks(comparisons)),
        Section("Orderings", (Paragraph(ORDER_TEXT), orderings)),
        *(_demo(context) if demo else _compared_sections(comparisons, shown)),
        Section("Data and weights", (hashes, Paragraph(HASH_TEXT))),
    )
    title = f"Printed and reproduced, scale `{context.config.scale}`"
    return Document("overview", title, sections, shown.values)


def _cell_blocks(comparisons: list[Comparison]) -> tuple[Block, ...]:
    details = table(("table", *DETAILS), _details(comparisons), DETAILS)
    decided = (
        (Paragraph("Compared cells, by their distance from print:"), details, Paragraph(DETAIL_TEXT))
        if details.rows
        else ()
    )
    return (
        _cells(comparisons),
        Paragraph(STATUS_TEXT),
        Paragraph("Cells that are off, each once, by cause:"),
        _causes(comparisons),
        *decided,
        Paragraph("Cells not run, each once, by reason:"),
        _reasons(comparisons),
    )


def _demo(context: Context) -> tuple[Section, ...]:
    """What was measured on stand-ins, which no printed value belongs to."""
    means = table(("dataset", "method", "σ", "PSNR", "over seeds"), _demo_averages(context), ("σ", "PSNR"))
    metric = ACCURACY_COLUMNS.index("metric")
    rows = [row for row in accuracies(context.config, context.recognized) if row[metric] in ACCURACIES]
    found = table(ACCURACY_COLUMNS, rows, numbers=("value", "low", "high", "images"))
    return (
        Section("Averages over the stand-in images", (Paragraph(SPREAD_TEXT), means)),
        Section("Accuracies on the textured shapes, with 95 % intervals", (found,)),
    )


def _compared_sections(comparisons: list[Comparison], shown: Shown) -> tuple[Section, ...]:
    worst = table(("table", "cell", *VALUE_COLUMNS, "note"), _worst(comparisons, shown), VALUE_COLUMNS)
    names = ("table", "method", "metric", *DEVIATION_COLUMNS, "at")
    methods = table(names, _by_method(comparisons), DEVIATION_COLUMNS)
    means = table(MEAN_COLUMNS, _averages(comparisons, shown), ("σ", *VALUE_COLUMNS))
    unexplained = table(("table", "cell", *VALUE_COLUMNS), _unexplained(comparisons, shown), VALUE_COLUMNS)
    heading = f"Worst deviations: the {WORST} farthest beyond their tolerance"
    text = f"Tables of which no average was measured are left out. {SPREAD_TEXT}"
    return (
        Section(heading, (Paragraph(WORST_ORDER), worst)),
        Section("Off without a known cause", (Paragraph(UNEXPLAINED_TEXT), unexplained)),
        Section("Deviation by method", (Paragraph(METHOD_TEXT), methods)),
        Section("Averages", (Paragraph(text), means)),
    )


def _facts(context: Context) -> Items:
    records, settings = context.records, context.config.settings
    used = instructions_of(record for record in records.values() if record["stage"] in MEASURING)
    images = "the real test sets" if settings["real_data"] else "stand-ins, made by the pipeline or shipped with it"
    facts = {"Images": images, "Budget": settings["budget"], "Instructions": used or "none"}
    return Items(tuple(f"{name}: {value}" for name, value in facts.items()))


def _cells(comparisons: list[Comparison]) -> Table:
    groups = {f"[{one.spec.key}]({one.spec.key}.md)": list(one.printed.values()) for one in comparisons}
    groups |= {"all": [row for rows in groups.values() for row in rows], ONCE: once(comparisons)}
    rows = []
    for name, found in groups.items():
        statuses = [row.status for row in found]
        rows.append((name, len(found), *map(statuses.count, STATUSES)))
    return table(("table", *COUNT_COLUMNS), rows, numbers=COUNT_COLUMNS)


def _causes(comparisons: list[Comparison]) -> Table:
    places = by_cause([row for comparison in comparisons for row in comparison.printed.values()])
    rows = [
        (name, len(found), ", ".join(dict.fromkeys(row.table for row in places[name])))
        for name, found in by_cause(once(comparisons)).items()
    ]
    return table(("cause", "cells", "in"), rows, numbers=("cells",))


def _unexplained(comparisons: list[Comparison], shown: Shown) -> Rows:
    """The cells that are off without a known cause."""
    rows = [row for comparison in comparisons for row in comparison.printed.values()]
    for row in by_cause(rows).get(UNEXPLAINED, []):
        yield row.table, cell_name(row), *_value_cells(row, shown)


def _reasons(comparisons: list[Comparison]) -> Table:
    """Why cells were not run; the suspicion that may follow the reason in a note is left out."""
    found = Counter(row.reason for row in once(comparisons) if row.status == NOT_RUN)
    rows = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
    return table(("reason", "cells"), rows, numbers=("cells",))


def _compared(comparison: Comparison) -> list[Row]:
    return [row for row in comparison.rows if row.delta is not None]


def _worst(comparisons: list[Comparison], shown: Shown) -> Rows:
    """The cells off by most tolerances; a cell that two papers print alike is one line."""
    places: dict[Row, list[Row]] = defaultdict(list)
    for row in (row for comparison in comparisons for row in _compared(comparison)):
        if row.status == OFF and row.scope != NETWORK:
            places[replace(row, table="")].append(row)
    # By |delta| in units of what is allowed; rounded so that equal cells keep one order on every machine.
    excess = {row: round(abs(row.delta or 0.0) / (row.limit or 1.0), 9) for (row, *_) in places.values()}
    alike = sorted(places.values(), key=lambda found: (-excess[found[0]], found[0].table, found[0].inside))
    for found in alike[:WORST]:
        tables, row = ", ".join(other.table for other in found), found[0]
        notes = [row.note or explained(row.measured), "within the spread" if row.detail == UNDECIDED else ""]
        yield tables, cell_name(row), *_value_cells(row, shown), "; ".join(filter(None, notes)) or NOTHING


def _value_cells(row: Row, shown: Shown) -> tuple[Cell, ...]:
    """`VALUE_COLUMNS` of one value."""
    return (
        shown.cell(row, row.printed, PRINTED),
        shown.cell(row, with_interval(row)),
        shown.cell(row, verdict(row), DELTA),
    )


def _by_method(comparisons: list[Comparison]) -> Rows:
    groups: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in (row for comparison in comparisons for row in _compared(comparison)):
        groups[row.table, row.method, row.metric].append(row)
    for (key, method, metric), found in groups.items():
        largest = max(found, key=lambda row: round(abs(row.delta or 0.0), 9))  # Ties: the first.
        level = shown_level(largest.condition) if largest.condition else ""
        where = ", ".join(filter(None, (largest.item, level)))
        mean = fmean(row.delta or 0.0 for row in found)
        deltas = (change(value, metric) for value in (mean, largest.delta or 0.0))
        counts = (sum(row.status == status for row in found) for status in (REPRODUCED, OWN_TRAINING))
        yield key, method, METRIC_NAMES[metric], len(found), *counts, *deltas, where


def _averages(comparisons: list[Comparison], shown: Shown) -> Rows:
    """Every printed average that a stage measures, beside its measured value."""
    for comparison in comparisons:
        names = list(comparison.methods.values())
        if not any(row.scope == AVERAGE for row in _compared(comparison)):
            continue
        found = [row for row in comparison.printed.values() if row.scope == AVERAGE and row.measured]
        for row in sorted(found, key=lambda row: (names.index(row.measured), row.metric)):  # else as in the table
            head = (row.table, row.label, row.measured, METRIC_NAMES[row.metric], level_of(row.condition))
            yield *head, *_value_cells(row, shown), *_uncertainty(row, comparison)


def _uncertainty(row: Row, comparison: Comparison) -> tuple[str, str]:
    """How far an average moves with the seed, and how far from print it is by that; an accuracy has its interval."""
    if row.reproduced is None:
        return NOTHING, NOTHING
    return NOTHING if isinstance(comparison.spec, TaskTable) else with_spread(row.known, row.metric), words(row.detail)


def _details(comparisons: list[Comparison]) -> Rows:
    """How many compared cells of each table have which detail; no row where none was compared."""
    for comparison in comparisons:
        found = [row.detail for row in comparison.printed.values() if row.detail]
        if found:
            yield comparison.spec.key, *(found.count(detail) for detail in DETAILS)


def _demo_averages(context: Context) -> Rows:
    for dataset, method, level, value in averages(context.measured):
        spread = context.spreads.get((dataset, f"sigma={level}", method, "psnr"))
        yield dataset, method, level, value, with_spread(spread, "psnr")


def _orderings(comparisons: list[Comparison]) -> Rows:
    """Every ordering of every table, counted over its noise levels by status."""
    for comparison in comparisons:
        groups: dict[Ordering, list[str]] = defaultdict(list)
        for ordered in comparison.orderings:
            groups[ordered.ordering].append(ordered.status)
        for ordering, found in groups.items():
            yield comparison.spec.key, ordering.claim, ordering.source, *map(found.count, ORDER_STATUSES)


def _hashes(records: Records) -> Rows:
    """What every node before the measurements wrote: the data, their noisy versions, the weights."""
    for node, record in records.items():
        if record["stage"] in MAKING:
            for path, digest in sorted(record["outputs"].items()):
                state = f"not available: {record['unavailable']}" if "unavailable" in record else digest[:HASH_LENGTH]
                yield Cell(node, node=node), f"`{path}`", state
