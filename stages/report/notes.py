"""The notes: the hand-written notes.md, its paragraphs and lists read as blocks, with generated tables filled in."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from math import fsum
from pathlib import Path
from statistics import median
from typing import NamedTuple

from redenoise.document.model import ASIDE, IMAGE, NETWORK, NOTHING, Block, Document, Items, Paragraph, Section, table
from redenoise.support.errors import UserError
from stages.report import photograph_notes
from stages.report.cascade_notes import cascades, reconstruction
from stages.report.kinds import DesignTable
from stages.report.papers.liu2020 import MEAN_BORDER
from stages.report.results import AVERAGE, level_of
from stages.report.rows import Comparison, Context, Row, signed
from stages.report.shown import METRIC_NAMES, as_printed, cell_name, change, number, papers, verdict
from stages.report.tables import DESIGN_TABLES, MODEL_LABELS, PAPERS
from stages.report.weights import card_at, describe

Rows = Iterator[tuple[object, ...]]

COMPARED = ("printed", "reproduced", "Δ")
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
    return Document("notes", title.removeprefix("# "), (*found, *photograph_notes.sections(context)))


def _block(part: str, comparisons: list[Comparison], context: Context) -> Block:
    """A paragraph, a list, or the table that stands for a placeholder."""
    name = PLACEHOLDER.fullmatch(part)
    if name is None:
        items = part.removeprefix("- ").replace("\n  ", "\n").split("\n- ")
        return Items(tuple(items)) if part.startswith("- ") else Paragraph(part)
    if name[1] in OTHERS:
        return OTHERS[name[1]](comparisons, context)
    if name[1] not in MADE:
        raise UserError(f"{TEMPLATE.name}: unknown table {name[1]!r}; expected {', '.join([*MADE, *OTHERS])}")
    if name[1] in COMPARING and context.demo:
        return Paragraph(NOT_MEASURED, ASIDE)
    made = MADE[name[1]]
    return table(made.columns, made.rows(comparisons, context), numbers=made.columns[made.first : made.last])


def _wholly_measured(context: Context) -> set[str]:
    """Methods that were measured on real images, and whose runs lack neither a set nor a noise level."""
    if context.demo:
        return set()
    measured, recognized = context.measured, context.recognized
    gaps = (measured.unavailable, measured.without, recognized.unavailable, recognized.without)
    lacking = {method for found in gaps for _, method, *_ in found}
    tasks = {method for _, method, _ in recognized.scores}
    return tasks.union(*measured.methods.values()) - lacking


def misprints(comparisons: list[Comparison], context: Context) -> Rows:
    """All suspected misprints, strong ones first."""
    for (paper, key, *place), found in sorted(context.misprints.items(), key=lambda pair: pair[1].strength):
        cell, estimate = ", ".join(filter(None, place)), found.estimate or NOTHING
        yield f"{paper} {key}", cell, found.strength, found.printed, estimate, found.reason


def printed_means(comparisons: list[Comparison], context: Context) -> Rows:
    """Printed averages that lie farther from the mean of their printed images than rounding explains.

    A mean of n values, each rounded to a last place u, has a rounding error of standard deviation u / sqrt(12 n);
    listed is what exceeds four of these plus half a unit of the average's own last place.
    """
    groups: dict[tuple[str, ...], dict[str, str]] = defaultdict(dict)
    designs = {(spec.paper, spec.table) for spec in DESIGN_TABLES}  # whose items are networks
    for cell in context.cells:
        if cell.metric == "psnr" and cell.item and (cell.paper, cell.table) not in designs:
            groups[cell.paper, cell.table, cell.dataset, cell.condition, cell.method][cell.item] = cell.value
    for (paper, key, _, condition, method), values in groups.items():
        average = values.pop(AVERAGE, None)
        if average is None or not values:
            continue
        mean = fsum(map(float, values.values())) / len(values)
        explained = 4 * _last_place(next(iter(values.values()))) / (12 * len(values)) ** 0.5 + _last_place(average) / 2
        if abs(mean - float(average)) > explained:
            gap = signed(mean - float(average), 4)
            yield f"{paper} {key}", method, level_of(condition), average, f"{mean:.4f}", gap


def dncnn_models(comparisons: list[Comparison], context: Context) -> Rows:
    """Printed averages of DnCNN against both published families of colour models."""
    for row in _averages(comparisons, "DnCNN"):
        place = (row.dataset, AVERAGE, row.condition)
        values = {model: context.measured.values.get((*place, model, row.metric)) for model in MODEL_LABELS}
        deltas = {model: value - float(row.printed) for model, value in values.items() if value is not None}
        cells = []
        for model, value in values.items():
            delta = change(deltas[model], "psnr") if model in deltas else NOTHING
            cells += [number(value, "psnr"), delta]
        nearest = min(deltas, key=lambda model: abs(deltas[model])) if len(deltas) == len(values) else NOTHING
        yield row.table, level_of(row.condition), row.printed, *cells, nearest


def _shift(*methods: str) -> Callable[[list[Comparison], Context], Rows]:
    """Measured minus printed of some methods: of the averages, and the spread over the printed images."""
    return lambda comparisons, context: _shifted(comparisons, methods)


def _shifted(comparisons: list[Comparison], methods: Sequence[str]) -> Rows:
    for row in _averages(comparisons, *methods):
        images = _siblings(comparisons, row, IMAGE)
        spread = [change(pick(images), row.metric) if images else NOTHING for pick in (min, median, max)]
        yield row.table, row.method, METRIC_NAMES[row.metric], level_of(row.condition), *_compared(row), *spread


def ffdnet(comparisons: list[Comparison], context: Context) -> Rows:
    """FFDNet on CBSD68: the suspected 27.76 beside its neighbours."""
    for row in _averages(comparisons, "FFDNet"):
        if row.dataset == "CBSD68":
            yield level_of(row.condition), *_compared(row), *_estimate(row)


def measured_suspects(comparisons: list[Comparison], context: Context) -> Rows:
    """Suspected misprints that were measured, with the deviation usual for the same method.

    That is of the other images of its column, of its other averages, or of the other networks.
    """
    for row in (row for comparison in comparisons for row in comparison.printed.values()):
        if row.suspect and row.delta is not None:
            usual = _siblings(comparisons, row, row.scope)
            values = (as_printed(row), number(row.reproduced, row.metric), change(row.delta, row.metric))
            usually = change(median(usual), row.metric) if usual else NOTHING
            yield row.table, cell_name(row), *values, *_estimate(row), usually


def parameters(comparisons: list[Comparison], context: Context) -> Rows:
    """Printed and counted parameters of every design; images have no part in it."""
    designs = [comparison for comparison in comparisons if isinstance(comparison.spec, DesignTable)]
    for row in (row for comparison in designs for row in comparison.printed.values()):
        if row.scope == NETWORK:
            yield row.item, as_printed(row), number(row.reproduced, row.metric), verdict(row)


def proposed(comparisons: list[Comparison], context: Context) -> Rows:
    """Printed and reproduced averages of the proposed denoiser, and how the weights behind each were made."""
    for row in _averages(comparisons, "Proposed"):
        card = card_at(context.config, context.records, "proposed", level_of(row.condition))
        yield row.table, level_of(row.condition), *_compared(row), describe(context.config, card) if card else NOTHING


def border(comparisons: list[Comparison], context: Context) -> Rows:
    """Averages of the proposed denoiser with images extended by reflection and by the mean colour."""
    values = context.measured.values
    for (dataset, item, condition, method, metric), mean in values.items():
        reflected = values.get((dataset, AVERAGE, condition, "Proposed", "psnr"))
        if (item, method, metric) == (AVERAGE, MEAN_BORDER, "psnr") and reflected is not None:
            difference = change(mean - reflected, "psnr")
            yield dataset, level_of(condition), number(reflected, "psnr"), number(mean, "psnr"), difference


def _averages(comparisons: list[Comparison], *methods: str) -> Iterator[Row]:
    """The printed averages of some methods, table by table."""
    for comparison in comparisons:
        for method in methods:
            yield from (row for row in comparison.printed.values() if (row.item, row.method) == (AVERAGE, method))


def _compared(row: Row) -> tuple[str, str, str]:
    """Printed, reproduced, Δ."""
    return row.printed, number(row.reproduced, row.metric), verdict(row)


def _siblings(comparisons: list[Comparison], row: Row, scope: str) -> list[float]:
    """Deltas of a row's method and metric in its table, without suspects: of the images under its condition, or all."""
    found = next(comparison.printed.values() for comparison in comparisons if comparison.spec.key == row.table)
    alike = [other for other in found if (other.method, other.metric, other.scope) == (row.method, row.metric, scope)]
    alike = [other for other in alike if scope != IMAGE or other.condition == row.condition]
    return [other.delta for other in alike if other.delta is not None and other.suspect is None]


def _estimate(row: Row) -> tuple[str, str]:
    """Best estimate of a suspected cell, and reproduced minus that."""
    if row.suspect is None or not row.suspect.estimate:
        return NOTHING, NOTHING
    estimate = row.suspect.estimate
    if row.reproduced is None:
        return estimate, NOTHING
    return estimate, change(row.reproduced - float(estimate), row.metric)


def _last_place(printed: str) -> float:
    return 10.0 ** -len(printed.partition(".")[2])


class Made(NamedTuple):
    """A table of the notes: its rows, its columns, and from which of these to before which they hold numbers."""

    rows: Callable[[list[Comparison], Context], Rows]
    columns: Sequence[str]
    first: int = 1
    last: int | None = None


_MODELS = [name for label in MODEL_LABELS.values() for name in (label, "Δ")]
_IMAGES = ("lowest Δ of an image", "median Δ", "highest Δ")
_SHIFT = ("table", "method", "metric", "σ", *COMPARED, *_IMAGES)
_ESTIMATE = ("estimate", "Δ to the estimate")
_MEANS = ("printed average", "mean of the printed images", "gap")
# Those that hold measured values against print.
COMPARING = {
    "dncnn_models": Made(dncnn_models, ("table", "σ", "printed", *_MODELS, "nearest"), 1, -1),
    "bm3d_shift": Made(_shift("BM3D", "CBM3D"), _SHIFT, 3),
    "wnnm_shift": Made(_shift("WNNM"), _SHIFT, 3),
    "epll_shift": Made(_shift("EPLL"), _SHIFT, 3),
    "ffdnet": Made(ffdnet, ("σ", *COMPARED, *_ESTIMATE), 0),
    "measured_suspects": Made(measured_suspects, ("table", "cell", *COMPARED, *_ESTIMATE, "usual Δ"), 2),
    "proposed": Made(proposed, ("table", "σ", *COMPARED, "weights"), 1, 5),
    "border": Made(border, ("data set", "σ", "reflection", "mean colour", "difference")),
}
MADE = COMPARING | {
    "misprints": Made(misprints, ("table", "cell", "strength", "printed", "estimate", "reason"), 3, 5),
    "printed_means": Made(printed_means, ("table", "method", "σ", *_MEANS), 2),
    "parameters": Made(parameters, ("design", "printed", "counted", "Δ")),
}
# Blocks that are made otherwise.
OTHERS: dict[str, Callable[[list[Comparison], Context], Block]] = {
    "papers": lambda comparisons, context: papers(PAPERS),
    "cascades": lambda comparisons, context: cascades(context),
    "reconstruction": reconstruction,
}
