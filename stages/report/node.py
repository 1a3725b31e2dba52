"""`python -m stages.report [--scale S]`: all tables, the overview, the notes and the metrics of one scale."""

from pathlib import Path
from typing import Any

import pandas as pd

from redenoise.dag import paths, provenance
from redenoise.dag.config import Config
from redenoise.support.files import atomic_open, write_text
from redenoise.support.locks import sweep
from stages.report import (
    designs,
    figures,
    gallery,
    history,
    join,
    latex,
    layout,
    markdown,
    notes,
    overview,
    published,
    recognized,
    results,
    spreads,
    task_layout,
    tasks,
    training,
)
from stages.report import records as records_file
from stages.report.kinds import DesignTable, Table, TaskTable
from stages.report.rows import Comparison, Context, to_frame
from stages.report.tables import ALL_TABLES, TABLES

JOINS = {Table: join, DesignTable: designs, TaskTable: tasks}  # by kind of table: what joins it, what lays it out
LAYOUTS = {Table: layout, DesignTable: designs, TaskTable: task_layout}


def run(config: Config) -> None:
    """Write every file of `outputs`; raises `UserError` if an input is missing or malformed."""
    # The last of the nodes tidies up after those that were killed.
    sweep(paths.build(config.scale))
    sweep(paths.reports(config.scale))
    with provenance.recorded(config, "report") as own:
        context = load_context(config)
        comparisons = [compare(spec, context) for spec in ALL_TABLES]
        # Before anything is written: the former report stays whole.
        texts, pictures = pages(comparisons, context, own), gallery.pictures(config)
        folder = paths.reports(config.scale)
        for comparison in comparisons:
            write_table(folder, comparison, context)
        for name, text in texts.items():
            write_text(folder / name, text)
        for name, data in pictures.items():
            with atomic_open(folder / name) as stream:
                stream.write(data)


def compare(spec: Table | DesignTable | TaskTable, context: Context) -> Comparison:
    """Join one table of any kind."""
    return JOINS[type(spec)].compare(spec, context)


def pages(comparisons: list[Comparison], context: Context, own: dict[str, Any]) -> dict[str, str]:
    """Every file of the report besides the tables, by its path in the scale's folder; `own`: see `history.render`."""
    config, records = context.config, context.records
    return {
        "overview.md": overview.render(comparisons, context),
        "notes.md": notes.render(comparisons, context),
        "training.md": training.render(context),
        "metrics.json": overview.metrics_json(comparisons),
        "figures.md": gallery.render(config),
        "averages.csv": csv_text(results.averages_frame(context.measured)),
        "accuracies.csv": csv_text(recognized.accuracies_frame(config, context.recognized)),
        "learning_curves.csv": csv_text(training.curves_frame(config, records)),
        "figures/learning_curves.svg": figures.learning_curves(config, records),
        "figures/parameters_psnr.svg": figures.parameters_psnr(comparisons),
        "provenance.md": history.render(config, own, records),
        records_file.NAME: records_file.render(config.scale, own, records),
    }


def load_context(config: Config) -> Context:
    """Printed cells, suspected misprints, provenance and measured values, checked."""
    cells = published.load_cells(paths.PUBLISHED)
    misprints = published.load_misprints(paths.PUBLISHED, cells)
    printed_items = {
        spec.dataset: set(cells["item"][(cells["paper"] == spec.paper) & (cells["table"] == spec.table)])
        - {results.AVERAGE}
        for spec in TABLES
        if spec.per_image
    }
    records = history.load(config)
    measured = results.load(config, records, printed_items)
    return Context(
        config, cells, misprints, records, measured, recognized.load(config, records), spreads.load(config, records)
    )


def write_table(folder: Path, comparison: Comparison, context: Context) -> None:
    """One table as Markdown, LaTeX and CSV."""
    stem = folder / comparison.spec.paper / comparison.spec.name
    page = LAYOUTS[type(comparison.spec)].document(comparison, context)
    write_text(stem.with_suffix(".md"), markdown.render(page))
    write_text(stem.with_suffix(".tex"), latex.render(page))
    write_text(stem.with_suffix(".csv"), csv_text(to_frame(comparison)))


def csv_text(frame: pd.DataFrame) -> str:
    """A data frame as CSV with LF line ends."""
    return frame.to_csv(index=False, lineterminator="\n")
