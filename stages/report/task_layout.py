"""The layout of a table of a high-level task: every measured accuracy with its interval, then the orderings."""

from dataclasses import replace
from itertools import product

from redenoise.dag.config import Config
from redenoise.document.model import Cell, Document, Section
from stages.report import orderings
from stages.report.kinds import TaskTable
from stages.report.parts import COMPARED, MEASURED, Line, best, compared_grid, grid, mark, measured, methods_grid, page
from stages.report.results import AVERAGE, is_noise
from stages.report.rows import Comparison, Context, Row
from stages.report.shown import METRIC_NAMES, number, summary, with_interval
from stages.report.tables import TOLERANCES
from stages.report.task_tables import CLEAN, CLEAN_METHOD
from stages.report.tasks import why_missing
from stages.report.weights import before_task, of_task

DEMO_WARNING = (
    "Demo scale: these numbers are measured on a procedurally made set of textured shapes, with small networks that "
    "were trained for seconds, not on {}. They show that the pipeline works; nothing on this page can be compared "
    "with the printed table."
)
TRADE = (
    "PSNR, last on this page: Liu et al. 2020 (section IV-B1) expect joint training to lose in it, since a network "
    "trained on the reconstruction error alone is made for PSNR. `Separate+VGG` has seen other images; what joint "
    "training gives up shows against `MSE on task images+VGG`, where that was measured. A mean over fewer images than "
    "the set has, see the footnotes of the first table, does not compare with the others."
)
ERRORS = {
    "top1": "of the mean of the paired differences of the images",
    "miou": "of the paired bootstrap differences, 1,000 draws of images with a fixed seed",
}


def document(comparison: Comparison[TaskTable], context: Context) -> Document:
    """Lay out one joined table."""
    spec = comparison.spec
    legend = (*_legend(comparison), clean(comparison, context), *network(spec, context))
    sections = (
        _methods(comparison, context),
        _accuracies(comparison),
        unprinted(comparison, context, "Measured, not printed"),
        orderings.section(comparison),
        psnr(comparison),
    )
    found = page(
        comparison,
        context,
        DEMO_WARNING.format(spec.dataset) if comparison.demo else "",
        f"{summary(comparison)} {orderings.summary(comparison)}",
        (*legend, *spec.protocol, TRADE),
        sections,
    )
    return replace(found, title=f"{found.title}; demo: textured shapes instead") if comparison.demo else found


def _legend(comparison: Comparison[TaskTable]) -> tuple[str, ...]:
    metrics = comparison.spec.metrics
    texts = [orderings.legend(comparison.spec, ERRORS[metrics[0]])]
    if comparison.demo:
        best_of = "The best value of each line is bold, among those over the whole set."
        return (f"{best_of} In brackets: the 95 % interval.", *texts)
    tolerances = ", ".join(f"{TOLERANCES[metric, AVERAGE]} for {METRIC_NAMES[metric]}" for metric in metrics)
    return (
        "`printed` is the paper's value, `reproduced` is measured here with its 95 % interval in brackets, Δ is "
        "reproduced minus printed. The best printed and the best reproduced value of each line are bold.",
        f"✓ within tolerance, ✗ off, ○ own training, in percentage points: {tolerances}; half a unit of the printed "
        f"last place comes on top. {comparison.spec.tolerance}",
        *texts,
    )


def clean(comparison: Comparison[TaskTable], context: Context) -> str:
    """The line of the clean images: what the task's network recognizes without noise and without a denoiser."""
    found = [row for row in comparison.rows if row.condition == CLEAN and row.low is not None]
    text = f"not run: {why_missing(comparison.spec, context, CLEAN_METHOD, CLEAN)}"
    if found:
        values = ", ".join(f"{METRIC_NAMES[row.metric]} {with_interval(row)}" for row in found)
        text = f"{values}; {found[0].images:,} images"
    return f"Clean images straight into the task's network (`{CLEAN_METHOD}`, not printed): {text}."


def network(spec: TaskTable, context: Context) -> tuple[str, ...]:
    """Which network stands behind the task, if any node measures the table's set."""
    config, nodes = context.config, context.recognized.nodes
    tasks = dict.fromkeys(
        config.entry(*node)["task"] for (dataset, _), node in nodes.items() if dataset == spec.dataset
    )
    return tuple(
        f"The network of the task: {of_task(config, context.records, task)}. {_chance(config, task)}" for task in tasks
    )


def _chance(config: Config, task: str) -> str:
    """What guessing reaches; nothing for segmentation, where that depends on how large the objects are."""
    classes = config.network(config.entry("task", task))["classes"]
    if config.params["labelled"][config.entry("task", task)["data"]]["task"] != "classification":
        return f"It knows {classes} classes with background."
    shares = ", ".join(f"top-{k} {100 * min(1, k / classes):.3g} %" for k in (1, 5))
    return f"It knows {classes:,} classes, so guessing reaches {shares}."


def _methods(comparison: Comparison[TaskTable], context: Context) -> Section:
    """Which measured method stands behind each shown one, how its weights were made, and why some have none."""
    spec, printed, rows = comparison.spec, {method.printed for method in comparison.spec.methods}, []
    for label, name in comparison.methods.items():
        node = context.recognized.nodes.get((spec.dataset, name))
        made = before_task(context.config, context.records, context.config.entry(*node)) if node else ""
        rows.append((label, name, made, "") if label in printed else ("", name, made, "measured, not printed"))
    stub = ("printed", "measured", "weights of the denoiser", "note")
    return methods_grid("Methods", stub, rows, spec.dataset, context)


def _accuracies(comparison: Comparison[TaskTable]) -> Section:
    """The paper's own table: one line per noise level and metric, one group of columns per printed method."""
    spec, columns = comparison.spec, MEASURED if comparison.demo else COMPARED
    lines: list[Line] = [
        ((Cell(str(level)), Cell(METRIC_NAMES[metric])), AVERAGE, f"sigma={level}", metric)
        for level, metric in product(spec.levels, spec.metrics)
    ]
    heading = "Accuracy behind each denoiser in %, with 95 % intervals"
    groups = {method.printed: columns for method in spec.methods}
    return compared_grid(comparison, heading, ("σ", "metric"), lines, groups, _shown)


def _shown(row: Row, line: list[Row], footnotes: list[str]) -> Cell:
    """A measured value with its interval, in bold if it is the best over the whole set; a footnote says otherwise."""
    if row.low is None:
        return orderings.not_run(row.reason, footnotes)
    whole = max(other.images or 0 for other in line)
    if row.images and row.images < whole:
        return Cell(with_interval(row), note=mark(f"over the first {row.images:,} of {whole:,} images", footnotes))
    values = [number(other.reproduced, row.metric) for other in line if other.images == whole]
    return Cell(with_interval(row), bold=number(row.reproduced, row.metric) == best(values))


def unprinted(comparison: Comparison[TaskTable], context: Context, heading: str) -> Section:
    """Accuracies that no paper prints: other methods, and those of a part of the set."""
    spec, rows = comparison.spec, []
    footnotes: list[str] = []
    printed = {method.printed for method in spec.methods}
    values = {row.inside: row for row in comparison.unprinted.values() if is_noise(row.condition)}
    names = {label: name for label, name in comparison.methods.items() if label not in {*printed, CLEAN_METHOD}}
    names |= {row.method: row.measured for row in values.values() if row.method not in comparison.methods}
    for label, name in names.items():
        for metric in spec.metrics:
            cells = [Cell(label), Cell(METRIC_NAMES[metric])]
            for level in spec.levels:
                row = values.get((AVERAGE, f"sigma={level}", label, metric))
                missing = _missing(spec, context, name, f"sigma={level}", footnotes)
                shown = measured(comparison, row, Cell(with_interval(row)), footnotes) if row else missing
                cells.append(shown)
            rows.append(cells)
    groups = [(f"σ = {level}", ("",)) for level in spec.levels]
    return grid(heading, ("method", "metric"), groups, rows, footnotes)


def _missing(spec: TaskTable, context: Context, name: str, condition: str, footnotes: list[str]) -> Cell:
    """The cell of a method that has no value at one noise level; nothing where it was never meant to have one."""
    reason = context.recognized.why(spec.dataset, name, condition)
    return orderings.not_run(reason, footnotes) if reason else Cell()


def psnr(comparison: Comparison[TaskTable]) -> Section:
    """PSNR of the images that the task's network sees: no printed counterpart, and no interval."""
    spec, rows = comparison.spec, []
    footnotes: list[str] = []
    values = {(row.method, row.condition): row for row in comparison.unprinted.values() if row.metric == "psnr"}
    labels = dict.fromkeys([*(method.printed for method in spec.methods), *(method for method, _ in values)])
    for label in labels:
        found = [values.get((label, f"sigma={level}")) for level in spec.levels]
        shown = (row and measured(comparison, row, Cell(number(row.reproduced, "psnr")), footnotes) for row in found)
        rows.append((Cell(label), *(cell or Cell() for cell in shown)))
    groups = [(f"σ = {level}", ("",)) for level in spec.levels]
    return grid("PSNR in dB of the images before the task's network", ("method",), groups, rows, footnotes)
