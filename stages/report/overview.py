"""The overview: how much of each table is reproduced, what deviates most, and from which data and weights."""

import json
from collections import Counter, defaultdict
from statistics import fmean

import pandas as pd

from stages.report.details import DETAILS, UNDECIDED
from stages.report.kinds import Ordering, TaskTable
from stages.report.layout import (
    METRIC_NAMES,
    NOTHING,
    SHOWN_DECIMALS,
    cell_name,
    counts,
    verdict,
    with_interval,
    with_spread,
)
from stages.report.markdown import GENERATED, frame_table, papers
from stages.report.recognized import ACCURACIES, accuracies_frame
from stages.report.recognized import STAGES as RECOGNITION
from stages.report.results import AVERAGE, averages_frame, sigma
from stages.report.rows import (
    IMAGE,
    NETWORK,
    NOT_RUN,
    OFF,
    ORDER_STATUSES,
    STATUSES,
    Comparison,
    Context,
    Row,
    limit,
    signed,
)
from stages.report.tables import EXPLAINED
from stages.report.weights import Records

MEASURING = ("evaluate", "filter", *RECOGNITION)  # the stages whose results the tables show
MAKING = ("download", "synthesize", "train", "labelled", "task", "cascade")  # those that make what they measure
WORST = 10
HASH_LENGTH = 12
COUNT_COLUMNS = ("printed", *STATUSES, "off at a suspected misprint")
VALUE_COLUMNS = ("printed", "reproduced", "Δ")
DEVIATION_COLUMNS = ("compared", "reproduced", "mean Δ", "largest Δ")
WORST_ORDER = (
    "Of the cells measured on images; every count of parameters stands in its own table. Sorted not by |Δ| but by |Δ| "
    "divided by the tolerance of the cell ([notes.md](notes.md) has the tolerances): that of an average is narrower "
    "than that of a single image."
)
ORDER_TEXT = (
    "What the tables of the high-level tasks are to show, at each of their noise levels: it `holds` if the paired "
    "difference is positive by more than two standard errors. The differences are on the tables' pages."
)
DETAIL_TEXT = (
    "`within rounding`: print could be the measured value, rounded. `within the spread`: it could with another seed, "
    "two standard deviations away. `within the tolerance`: neither explains the difference, or one seed was measured. "
    "`off, yet within the spread`: off by the tolerance, and undecided. Parameters are counted and cannot vary."
)
SPREAD_TEXT = (
    "Mean and one standard deviation over seeds where the measurement was repeated "
    "(`python -m redenoise.commands.spread`), else `one seed`."
)
DEMO_WARNING = (
    "Demo scale: these are stand-in images and tiny networks trained for seconds. Nothing that was measured on them "
    "can be compared with a printed value; parameters alone are, since they are counted on the full-size networks."
)


def render(comparisons: list[Comparison], context: Context) -> str:
    """The overview page as Markdown; two runs on one machine give the same bytes."""
    parts = [f"# Printed and reproduced, scale `{context.config.scale}`", GENERATED]
    if context.demo:
        parts.append(f"> **{DEMO_WARNING}**")
    keys = dict.fromkeys(comparison.spec.paper for comparison in comparisons)
    parts += [_facts(context), "## Papers", papers(keys)]
    parts += ["## Cells", frame_table(_cells(comparisons), numbers=COUNT_COLUMNS)]
    if (details := _details(comparisons)) is not None:
        parts += ["Compared cells, by what decides:", frame_table(details, numbers=DETAILS), DETAIL_TEXT]
    parts += ["Cells not run, by reason:", frame_table(_reasons(comparisons), numbers=("cells",))]
    parts += ["## Orderings", ORDER_TEXT, frame_table(_orderings(comparisons), numbers=ORDER_STATUSES)]
    if context.demo:
        averages = frame_table(_demo_averages(context), numbers=("σ", "PSNR"))
        parts += ["## Averages over the stand-in images", SPREAD_TEXT, averages]
        accuracies = frame_table(_demo_accuracies(context), numbers=("value", "low", "high", "images"))
        parts += ["## Accuracies on the textured shapes, with 95 % intervals", accuracies]
    else:
        parts += [f"## Worst deviations: the {WORST} farthest beyond their tolerance"]
        parts.append(WORST_ORDER)
        parts += [frame_table(_worst(comparisons), numbers=VALUE_COLUMNS), "## Deviation by method"]
        parts += [
            "Over all compared cells of a table: images, averages, networks.",
            frame_table(_by_method(comparisons), numbers=DEVIATION_COLUMNS),
        ]
        parts += ["## Averages", f"Tables of which no average was measured are left out. {SPREAD_TEXT}"]
        parts += [frame_table(_averages(comparisons), numbers=("σ", *VALUE_COLUMNS))]
    parts += ["## Data and weights", frame_table(_hashes(context.records))]
    parts.append(
        "The hash covers names and contents of everything that the node wrote. How every network was trained, and its "
        "learning curve, is in [training.md](training.md); the figures are in [figures.md](figures.md); commit, "
        "durations and package versions of every node are in [provenance.md](provenance.md), findings about the papers "
        "in [notes.md](notes.md)."
    )
    return "\n\n".join(parts) + "\n"


def metrics_json(comparisons: list[Comparison]) -> str:
    """Averages and counts as JSON: table, condition, method, metric, value; for `dvc metrics`."""
    tree: dict[str, dict] = {}
    for comparison in comparisons:
        conditions = tree.setdefault(comparison.spec.key, {})
        for row in comparison.rows:
            if row.scope != IMAGE and row.reproduced is not None:
                methods = conditions.setdefault(row.condition or "any noise level", {})
                methods.setdefault(row.label, {})[row.metric] = round(row.reproduced, 4)
    return json.dumps(tree, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _facts(context: Context) -> str:
    records = context.records
    settings, params = context.config.settings, context.config.params
    devices = sorted({record["device"] for record in records.values() if record["stage"] in MEASURING})
    images = "the real test sets" if settings["real_data"] else "stand-ins, made by the pipeline or shipped with it"
    facts = {
        "Images": images,
        "Mode": f"`{params['mode']}`",
        "Budget": settings["budget"],
        "Device": "; ".join(devices) or "none",
    }
    return "\n".join(f"- {name}: {value}" for name, value in facts.items())


def _cells(comparisons: list[Comparison]) -> pd.DataFrame:
    rows = []
    for comparison in comparisons:
        found = counts(comparison)
        suspects = sum(row.status == OFF and row.suspect is not None for row in comparison.printed.values())
        key = comparison.spec.key
        rows.append((f"[{key}]({key}.md)", sum(found.values()), *(found[status] for status in STATUSES), suspects))
    total = ("all", *(sum(column) for column in list(zip(*rows, strict=True))[1:]))
    return pd.DataFrame([*rows, total], columns=["table", *COUNT_COLUMNS]).astype(str)


def _reasons(comparisons: list[Comparison]) -> pd.DataFrame:
    """Why cells were not run; the suspicion that may follow the reason in a note is left out."""
    found = Counter(row.reason for comparison in comparisons for row in comparison.rows if row.status == NOT_RUN)
    rows = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
    return pd.DataFrame(rows, columns=["reason", "cells"]).astype(str)


def _compared(comparison: Comparison) -> list[Row]:
    return [row for row in comparison.rows if row.delta is not None]


def _worst(comparisons: list[Comparison]) -> pd.DataFrame:
    """The cells off by most tolerances; a cell that two papers print alike is one line."""
    places: dict[Row, list[str]] = defaultdict(list)
    for comparison in comparisons:
        for row in _compared(comparison):
            if row.status == OFF and row.scope != NETWORK:
                places[row].append(comparison.spec.key)
    order = sorted(places.items(), key=lambda pair: (-_excess(pair[0]), pair[1], pair[0].place))
    rows = []
    for row, tables in order[:WORST]:
        values = (row.published, with_interval(row), verdict(row))
        notes = [row.note or EXPLAINED.get(row.measured, ""), "within the spread" if row.detail == UNDECIDED else ""]
        rows.append((", ".join(tables), cell_name(row), *values, "; ".join(filter(None, notes)) or NOTHING))
    return pd.DataFrame(rows, columns=["table", "cell", *VALUE_COLUMNS, "note"])


def _excess(row: Row) -> float:
    """|delta| in units of what is allowed; rounded so that equal cells keep one order on every machine."""
    return round(abs(row.delta) / limit(row.published, row.metric, row.scope), 9)


def _by_method(comparisons: list[Comparison]) -> pd.DataFrame:
    rows = []
    for comparison in comparisons:
        groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for row in _compared(comparison):
            groups[row.method, row.metric].append(row)
        for (method, metric), found in groups.items():
            largest = max(found, key=lambda row: round(abs(row.delta), 9))  # Ties: the first.
            where = largest.item + (f", σ {sigma(largest.condition)}" if largest.condition else "")
            mean = fmean(row.delta for row in found)
            deltas = (signed(value, SHOWN_DECIMALS[metric], ",") for value in (mean, largest.delta))
            good = sum(row.status != OFF for row in found)
            rows.append((comparison.spec.key, method, METRIC_NAMES[metric], len(found), good, *deltas, where))
    columns = ["table", "method", "metric", *DEVIATION_COLUMNS, "at"]
    return pd.DataFrame(rows, columns=columns).astype(str)


def _averages(comparisons: list[Comparison]) -> pd.DataFrame:
    """Every printed average that a stage measures, beside its measured value."""
    rows = []
    for comparison in comparisons:
        names = list(comparison.methods.values())
        if not any(row.scope == AVERAGE for row in _compared(comparison)):
            continue
        found = [row for row in comparison.printed.values() if row.scope == AVERAGE and row.measured]
        for row in sorted(found, key=lambda row: (names.index(row.measured), row.metric)):  # else as in the table
            head = (comparison.spec.key, row.label, row.measured, METRIC_NAMES[row.metric], str(sigma(row.condition)))
            rows.append((*head, row.published, with_interval(row), verdict(row), *_uncertainty(row, comparison)))
    columns = ["table", "method", "measured with", "metric", "σ", *VALUE_COLUMNS, "over seeds", "decided by"]
    return pd.DataFrame(rows, columns=columns)


def _uncertainty(row: Row, comparison: Comparison) -> tuple[str, str]:
    """How far an average moves with the seed, and what decides its verdict; an accuracy has its interval."""
    if row.reproduced is None:
        return NOTHING, NOTHING
    return NOTHING if isinstance(comparison.spec, TaskTable) else with_spread(row.spread, row.metric), row.detail


def _details(comparisons: list[Comparison]) -> pd.DataFrame | None:
    """How many compared cells of each table have which detail; None where none was compared."""
    rows = []
    for comparison in comparisons:
        found = [row.detail for row in comparison.printed.values() if row.detail]
        if found:
            rows.append((comparison.spec.key, *(found.count(detail) for detail in DETAILS)))
    return pd.DataFrame(rows, columns=["table", *DETAILS]).astype(str) if rows else None


def _demo_averages(context: Context) -> pd.DataFrame:
    frame = averages_frame(context.measured)
    keys = zip(frame["dataset"], frame["sigma"], frame["method"], strict=True)
    spreads = [context.spreads.get((dataset, f"sigma={level}", method, "psnr")) for dataset, level, method in keys]
    frame["over seeds"] = [with_spread(spread, "psnr") for spread in spreads]
    frame = frame.rename(columns={"sigma": "σ", "psnr": "PSNR"})
    return frame.astype({"σ": str})


def _demo_accuracies(context: Context) -> pd.DataFrame:
    frame = accuracies_frame(context.config, context.recognized)
    return frame[frame["metric"].isin(ACCURACIES)]


def _orderings(comparisons: list[Comparison]) -> pd.DataFrame:
    """Every ordering of every table, counted over its noise levels by status."""
    rows = []
    for comparison in comparisons:
        groups: dict[Ordering, list[str]] = defaultdict(list)
        for ordered in comparison.orderings:
            groups[ordered.ordering].append(ordered.status)
        for ordering, found in groups.items():
            numbers = (str(found.count(status)) for status in ORDER_STATUSES)
            rows.append((comparison.spec.key, ordering.claim, ordering.source, *numbers))
    return pd.DataFrame(rows, columns=["table", "statement", "of", *ORDER_STATUSES])


def _hashes(records: Records) -> pd.DataFrame:
    """What every node before the measurements wrote: the data, their noisy versions, the weights."""
    rows = []
    for node, record in records.items():
        if record["stage"] in MAKING:
            for path, digest in sorted(record["outputs"].items()):
                state = f"not available: {record['unavailable']}" if "unavailable" in record else digest[:HASH_LENGTH]
                rows.append((node, f"`{path}`", state))
    return pd.DataFrame(rows, columns=["node", "output", "sha256"])
