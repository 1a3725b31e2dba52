"""The stage's one node: all tables, the overview, the notes, the other pages and the metrics of one scale."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from redenoise.dag import paths, provenance
from redenoise.dag.config import Config
from redenoise.document import latex, markdown, store
from redenoise.document.model import Document
from redenoise.support import csv_tables
from redenoise.support.files import atomic_open, write_text
from redenoise.support.locks import exclusive, sweep
from stages.report import (
    ablation,
    designs,
    drawing,
    figures,
    gains,
    gallery,
    history,
    join,
    layout,
    metrics,
    notes,
    numbers,
    overview,
    photograph_tasks,
    photographs,
    published,
    recognized,
    results,
    spreads,
    task_layout,
    tasks,
    times,
    training,
    values,
    xnets,
)
from stages.report import records as records_file
from stages.report.kinds import DesignTable, NumberTable, Printed, Table, TaskTable
from stages.report.rows import Comparison, Context
from stages.report.tables import ALL_TABLES, TABLES

# By kind of table: what joins it, and what lays it out.
JOINS: dict[type[Printed], Callable[[Any, Context], Comparison]] = {
    Table: join.compare,
    DesignTable: designs.compare,
    TaskTable: tasks.compare,
    NumberTable: numbers.compare,
}
LAYOUTS: dict[type[Printed], Callable[[Any, Context], Document]] = {
    Table: layout.document,
    DesignTable: designs.document,
    TaskTable: task_layout.document,
    NumberTable: numbers.document,
}


def run(config: Config) -> None:
    """Write every file of `outputs`; raises `UserError` if an input is missing or malformed."""
    # The last of the nodes tidies up after those that were killed.
    sweep(paths.build(config.scale))
    sweep(paths.reports(config.scale))
    with provenance.recorded(config, "report") as own:
        _write(load_context(config), own, paths.reports(config.scale))


def run_so_far(config: Config, folder: Path) -> None:
    """Write the same of whatever is measured; cells of nodes that have not run say so and name the command.

    Args:
        folder: not that of the committed reports, which may hold more than this build has measured.
    """
    with exclusive(*paths.pages_lock(config.scale)):
        _write(load_context(config, history.so_far(config)), provenance.so_far(config, "report"), folder)


def _write(context: Context, own: dict[str, Any], folder: Path) -> None:
    comparisons = [compare(spec, context) for spec in ALL_TABLES]
    # Before anything is written: the former report stays whole.
    texts, pictures = files(comparisons, context, own), gallery.pictures(context.config, context.records)
    for name, text in texts.items():
        write_text(folder / name, text)
    for name, data in pictures.items():
        with atomic_open(folder / name) as stream:
            stream.write(data)
    print(f"report: {folder / 'overview.md'}")


def compare(spec: Printed, context: Context) -> Comparison:
    """Join one table of any kind."""
    return JOINS[type(spec)](spec, context)


def lay_out(comparison: Comparison, context: Context) -> Document:
    """The page of one table of any kind."""
    return LAYOUTS[type(comparison.spec)](comparison, context)


def files(comparisons: list[Comparison], context: Context, own: dict[str, Any]) -> dict[str, str]:
    """Every text of the report by its path in the scale's folder; `own`: see `history.document`."""
    config, records = context.config, context.records
    found: dict[str, str] = {}
    for comparison in comparisons:
        page = lay_out(comparison, context)
        found |= {
            f"{page.name}.tex": latex.render(page),
            f"{page.name}.csv": values.csv_text(comparison.spec, page.values),
        }
        found |= rendered(page)
    for page in (
        overview.document(comparisons, context),
        photographs.document(context),
        *photograph_tasks.documents(context),
        notes.document(comparisons, context),
        training.document(context),
        gallery.document(config, records),
        history.document(config, own, records),
    ):
        found |= rendered(page)
    averages, accuracies = results.averages(context.measured), recognized.accuracies(config, context.recognized)
    found |= _drawn_from(context)
    return found | {
        "metrics.json": metrics.averages_json(comparisons),
        **metrics.of_papers(comparisons),
        "averages.csv": csv_tables.text(results.AVERAGE_COLUMNS, averages),
        "restored.csv": csv_tables.text(results.RESTORED_COLUMNS, results.restored(context.measured)),
        "accuracies.csv": csv_tables.text(recognized.ACCURACY_COLUMNS, accuracies),
        **{f"figures/{name}.svg": drawing.svg(figures.drawn(config, name, found)) for name in figures.DRAWN},
        records_file.NAME: records_file.render(own, records),
    }


def _drawn_from(context: Context) -> dict[str, str]:
    """The CSV files that figures alone are drawn from, by their path."""
    config, records, points = context.config, context.records, list(xnets.points(context))
    return {
        "learning_curves.csv": csv_tables.text(training.CURVE_COLUMNS, training.curves(config, records)),
        "xnet_parameters.csv": csv_tables.text(xnets.POINT_COLUMNS, xnets.point_rows(points)),
        "dncnn_variants.csv": csv_tables.text(ablation.COLUMNS, ablation.rows(config, records)),
        "noise_gain.csv": csv_tables.text(gains.COLUMNS, gains.rows(context)),
        "xnet_share.csv": csv_tables.text(xnets.SHARE_COLUMNS, xnets.share_rows(config, points)),
    }


def rendered(page: Document) -> dict[str, str]:
    """A page as it is read, and as data."""
    return {f"{page.name}.md": markdown.render(page), f"{page.name}.json": store.render(page)}


def load_context(config: Config, records: history.Records | None = None) -> Context:
    """Printed cells, suspected misprints, and what the nodes with a record measured, of all unless given, checked."""
    records = history.load(config) if records is None else records
    cells = published.load_cells(paths.PUBLISHED)
    misprints = published.load_misprints(paths.PUBLISHED, cells)
    by_image = {(spec.paper, spec.table): spec.dataset for spec in TABLES if spec.per_image}
    printed_items: dict[str, set[str]] = {}
    for cell in cells:
        if cell.item != results.AVERAGE and (dataset := by_image.get((cell.paper, cell.table))):
            printed_items.setdefault(dataset, set()).add(cell.item)
    measured = results.load(config, records, printed_items)
    return Context(
        config,
        cells,
        misprints,
        records,
        measured,
        recognized.load(config, records),
        spreads.load(config, records),
        times.load(),
    )
