"""The notes: the hand-written notes.md, its paragraphs and lists read as blocks, with generated tables filled in."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from math import fsum
from pathlib import Path
from statistics import median

from redenoise.document.model import ASIDE, NOTHING, Block, Document, Items, Paragraph, Section, Table, table
from redenoise.support.errors import UserError
from stages.report.cascade_notes import cascades, reconstruction
from stages.report.papers.liu2020 import MEAN_BORDER
from stages.report.results import AVERAGE, sigma
from stages.report.rows import IMAGE, NETWORK, Comparison, Context, Row, signed
from stages.report.shown import METRIC_NAMES, SHOWN_DECIMALS, as_printed, cell_name, number, papers, verdict
from stages.report.tables import DESIGN_TABLES, MODEL_LABELS, PAPERS
from stages.report.weights import card_at, describe

HEADING = "## "
TEMPLATE = Path(__file__).with_name("notes.md")
PLACEHOLDER = re.compile(r"\{\{ (\w+) \}\}")
# A paragraph about measured values, left out where the methods that it names, or all, were not measured.
FINDING = re.compile(r"^\{\{ where measured(?:: ([^}]+))? \}\}\n(.*?)^\{\{ end \}\}\n\n", re.MULTILINE | re.DOTALL)
NOT_MEASURED = (
    "Not measured at the demo scale: its images are stand-ins, so no measured value belongs to a printed one."
)


def document(comparisons: list[Comparison], context: Context) -> Document:
    """The notes; raises `UserError` if the text asks for an unknown table."""
    whole = _wholly_measured(context)

    def keep(match: re.Match) -> str:
        methods = set(match[1].split("; ")) if match[1] else set()
        return f"{match[2]}\n" if whole and methods <= whole else ""

    title, *parts = FINDING.sub(keep, TEMPLATE.read_text(encoding="utf-8")).strip().split("\n\n")
    sections: dict[str, list[Block]] = {"": []}
    for part in parts:
        if part.startswith(HEADING):
            sections[part.removeprefix(HEADING)] = []
        else:
            list(sections.values())[-1].append(_block(part, comparisons, context))
    found = tuple(Section(heading, tuple(blocks)) for heading, blocks in sections.items())
    return Document("notes", title.removeprefix("# "), found)


def _block(part: str, comparisons: list[Comparison], context: Context) -> Block:
    """A paragraph, a list, or the table that stands for a placeholder."""
    name = PLACEHOLDER.fullmatch(part)
    if name is None:
        items = part.removeprefix("- ").replace("\n  ", "\n").split("\n- ")
        return Items(tuple(items)) if part.startswith("- ") else Paragraph(part)
    if name[1] not in MADE:
        raise UserError(f"{TEMPLATE.name}: unknown table {name[1]!r}; expected {', '.join(MADE)}")
    if name[1] in COMPARING and context.demo:
        return Paragraph(NOT_MEASURED, ASIDE)
    return MADE[name[1]](comparisons, context)


def _wholly_measured(context: Context) -> set[str]:
    """Methods that were measured on real images, and whose runs lack neither a set nor a noise level."""
    if context.demo:
        return set()
    measured, recognized = context.measured, context.recognized
    gaps = (measured.unavailable, measured.without, recognized.unavailable, recognized.without)
    lacking = {method for found in gaps for _, method, *_ in found}
    tasks = {method for _, method, _ in recognized.scores}
    return tasks.union(*measured.methods.values()) - lacking


def misprints(context: Context) -> Table:
    """All suspected misprints, strong ones first."""
    rows = []
    for (paper, key, *place), found in sorted(context.misprints.items(), key=lambda pair: pair[1].strength):
        cell = ", ".join(filter(None, place))
        numbers = (found.printed, found.estimate or NOTHING)
        rows.append((f"{paper} {key}", cell, found.strength, *numbers, found.reason))
    columns = ["table", "cell", "strength", "printed", "estimate", "reason"]
    return table(columns, rows, numbers=("printed", "estimate"))


def printed_means(context: Context) -> Table:
    """Printed averages that lie farther from the mean of their printed images than rounding explains.

    A mean of n values, each rounded to a last place u, has a rounding error of standard deviation u / sqrt(12 n);
    listed is what exceeds four of these plus half a unit of the average's own last place.
    """
    groups: dict[tuple[str, ...], dict[str, str]] = defaultdict(dict)
    designs = {(spec.paper, spec.table) for spec in DESIGN_TABLES}  # whose items are networks
    for cell in context.cells:
        if cell.metric == "psnr" and cell.item and (cell.paper, cell.table) not in designs:
            groups[cell.paper, cell.table, cell.dataset, cell.condition, cell.method][cell.item] = cell.value
    rows = []
    for (paper, key, _, condition, method), values in groups.items():
        average = values.pop(AVERAGE, None)
        if average is None or not values:
            continue
        mean = fsum(map(float, values.values())) / len(values)
        explained = 4 * _last_place(next(iter(values.values()))) / (12 * len(values)) ** 0.5 + _last_place(average) / 2
        if abs(mean - float(average)) > explained:
            gap = signed(mean - float(average), 4)
            rows.append((f"{paper} {key}", method, str(sigma(condition)), average, f"{mean:.4f}", gap))
    columns = ["table", "method", "σ", "printed average", "mean of the printed images", "gap"]
    return table(columns, rows, numbers=tuple(columns[2:]))


def dncnn_models(comparisons: list[Comparison], context: Context) -> Table:
    """Printed averages of DnCNN against both published families of colour models."""
    rows = []
    for comparison, row in _averages(comparisons, "DnCNN"):
        place = (row.dataset, AVERAGE, row.condition)
        values = {model: context.measured.values.get((*place, model, row.metric)) for model in MODEL_LABELS}
        deltas = {model: value - float(row.printed) for model, value in values.items() if value is not None}
        cells = []
        for model, value in values.items():
            delta = signed(deltas[model], SHOWN_DECIMALS["psnr"]) if model in deltas else NOTHING
            cells += [number(value, "psnr"), delta]
        nearest = min(deltas, key=lambda model: abs(deltas[model])) if len(deltas) == len(values) else NOTHING
        rows.append((comparison.spec.key, str(sigma(row.condition)), row.printed, *cells, nearest))
    columns = ["table", "σ", "printed"]
    for label in MODEL_LABELS.values():
        columns += [label, "Δ"]
    return table([*columns, "nearest"], rows, numbers=tuple(columns[1:]))


def bm3d_shift(comparisons: list[Comparison], context: Context) -> Table:
    """Measured minus printed of BM3D and CBM3D: of the averages, and the spread over the printed images."""
    rows = []
    for comparison, row in _averages(comparisons, "BM3D", "CBM3D"):
        images = [
            other.delta
            for other in comparison.printed.values()
            if (other.condition, other.method, other.metric) == (row.condition, row.method, row.metric)
            and other.item != AVERAGE and other.delta is not None and other.suspect is None
        ]  # fmt: skip
        digits = SHOWN_DECIMALS[row.metric]
        spread = [signed(pick(images), digits) if images else NOTHING for pick in (min, median, max)]
        head = (comparison.spec.key, row.method, METRIC_NAMES[row.metric], str(sigma(row.condition)))
        rows.append((*head, *_compared(row), *spread))
    columns = ["table", "method", "metric", "σ", "printed", "reproduced", "Δ"]
    columns += ["lowest Δ of an image", "median Δ", "highest Δ"]
    return table(columns, rows, numbers=tuple(columns[3:]))


def ffdnet(comparisons: list[Comparison], context: Context) -> Table:
    """FFDNet on CBSD68: the suspected 27.76 beside its neighbours."""
    rows = [
        (str(sigma(row.condition)), *_compared(row), *_estimate(row))
        for comparison, row in _averages(comparisons, "FFDNet")
        if comparison.spec.dataset == "CBSD68"
    ]
    columns = ["σ", "printed", "reproduced", "Δ", "estimate", "Δ to the estimate"]
    return table(columns, rows, numbers=tuple(columns))


def measured_suspects(comparisons: list[Comparison], context: Context) -> Table:
    """Suspected misprints that were measured, with the deviation usual for the same method."""
    rows = []
    for comparison in comparisons:
        for row in comparison.printed.values():
            if row.suspect and row.delta is not None:
                usual, decimals = _siblings(comparison, row), SHOWN_DECIMALS[row.metric]
                values = (as_printed(row), number(row.reproduced, row.metric), signed(row.delta, decimals, ","))
                usually = signed(median(usual), decimals, ",") if usual else NOTHING
                rows.append((comparison.spec.key, cell_name(row), *values, *_estimate(row), usually))
    columns = ["table", "cell", "printed", "reproduced", "Δ", "estimate", "Δ to the estimate", "usual Δ"]
    return table(columns, rows, numbers=tuple(columns[2:]))


def parameters(comparisons: list[Comparison]) -> Table:
    """Printed and counted parameters of every design; images have no part in it."""
    rows = [
        (row.item, as_printed(row), number(row.reproduced, row.metric), verdict(row))
        for comparison in comparisons
        for row in comparison.printed.values()
        if row.scope == NETWORK
    ]
    columns = ["design", "printed", "counted", "Δ"]
    return table(columns, rows, numbers=tuple(columns[1:]))


def proposed(comparisons: list[Comparison], context: Context) -> Table:
    """Printed and reproduced averages of the proposed denoiser, and how the weights behind each were made."""
    rows = []
    for comparison, row in _averages(comparisons, "Proposed"):
        card = card_at(context.config, context.records, "proposed", sigma(row.condition))
        made = describe(card) if card else NOTHING
        rows.append((comparison.spec.key, str(sigma(row.condition)), *_compared(row), made))
    columns = ["table", "σ", "printed", "reproduced", "Δ", "weights"]
    return table(columns, rows, numbers=tuple(columns[1:5]))


def border(comparisons: list[Comparison], context: Context) -> Table:
    """Averages of the proposed denoiser with images extended by reflection and by the mean colour."""
    averages = {
        (dataset, condition, method): value
        for (dataset, item, condition, method, metric), value in context.measured.values.items()
        if (item, metric) == (AVERAGE, "psnr")
    }
    rows = []
    for (dataset, condition, method), mean in averages.items():
        reflected = averages.get((dataset, condition, "Proposed"))
        if method == MEAN_BORDER and reflected is not None:
            difference = signed(mean - reflected, SHOWN_DECIMALS["psnr"])
            rows.append((dataset, str(sigma(condition)), number(reflected, "psnr"), number(mean, "psnr"), difference))
    columns = ["data set", "σ", "reflection", "mean colour", "difference"]
    return table(columns, rows, numbers=tuple(columns[1:]))


def _averages(comparisons: list[Comparison], *methods: str) -> Iterator[tuple[Comparison, Row]]:
    """The printed averages of some methods, table by table."""
    for comparison in comparisons:
        for method in methods:
            for row in comparison.printed.values():
                if (row.item, row.method) == (AVERAGE, method):
                    yield comparison, row


def _compared(row: Row) -> tuple[str, str, str]:
    """Printed, reproduced, Δ."""
    return row.printed, number(row.reproduced, row.metric), verdict(row)


def _siblings(comparison: Comparison, suspect: Row) -> list[float]:
    """Deltas of the same method: of the other images of its column, its other averages, or the other networks."""
    return [
        row.delta
        for row in comparison.printed.values()
        if (row.method, row.metric) == (suspect.method, suspect.metric)
        and row.delta is not None and row.suspect is None
        and row.scope == suspect.scope
        and (row.scope != IMAGE or row.condition == suspect.condition)
    ]  # fmt: skip


def _estimate(row: Row) -> tuple[str, str]:
    """Best estimate of a suspected cell, and reproduced minus that."""
    if row.suspect is None or not row.suspect.estimate:
        return NOTHING, NOTHING
    estimate = row.suspect.estimate
    if row.reproduced is None:
        return estimate, NOTHING
    return estimate, signed(row.reproduced - float(estimate), SHOWN_DECIMALS[row.metric])


def _last_place(printed: str) -> float:
    return 10.0 ** -len(printed.partition(".")[2])


MADE: dict[str, Callable[[list[Comparison], Context], Block]] = {
    "papers": lambda comparisons, context: papers(PAPERS),
    "cascades": lambda comparisons, context: cascades(context),
    "misprints": lambda comparisons, context: misprints(context),
    "printed_means": lambda comparisons, context: printed_means(context),
    "parameters": lambda comparisons, context: parameters(comparisons),
    "dncnn_models": dncnn_models,
    "bm3d_shift": bm3d_shift,
    "ffdnet": ffdnet,
    "measured_suspects": measured_suspects,
    "proposed": proposed,
    "border": border,
    "reconstruction": reconstruction,
}
# Those that hold measured values against print.
COMPARING = {"dncnn_models", "bm3d_shift", "ffdnet", "measured_suspects", "proposed", "border"}
