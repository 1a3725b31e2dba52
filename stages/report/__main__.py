"""`python -m stages.report [--scale S]`: all tables, the overview, the notes and the metrics of one scale."""

from pathlib import Path

from stages.common import config as configuration
from stages.common import paths, provenance
from stages.common.config import Config
from stages.common.errors import run_cli
from stages.common.files import write_text
from stages.report import history, latex, layout, markdown, notes, outputs, overview, published, results
from stages.report.join import Comparison, Context, compare, to_frame
from stages.report.tables import TABLES


def main() -> None:
    """Read the command line and write the reports."""
    arguments = configuration.stage_parser("report", __doc__, keyed=False).parse_args()
    report(configuration.load(arguments.scale))


def inputs(config: Config) -> list[Path]:
    """Every file that the stage reads, besides its sources, which published/ and the notes' text belong to."""
    measured = [paths.results(config.scale, key) for _, key in results.nodes(config)]
    measured.append(paths.results(config.scale, results.ARCHITECTURE))
    records = [paths.provenance(config.scale, stage, key) for stage, key in config.nodes()]
    return [*measured, *records]


def report(config: Config) -> None:
    """Write every file of `outputs`; raises `UserError` if an input is missing or malformed."""
    with provenance.recorded(config, "report", None, inputs(config), outputs(config.scale)) as own:
        context = load_context(config)
        records = history.load(config)
        comparisons = [compare(spec, context) for spec in TABLES]
        folder = paths.reports(config.scale)
        for comparison in comparisons:
            write_table(folder, comparison, context)
        write_text(folder / "overview.md", overview.render(comparisons, context, records))
        write_text(folder / "notes.md", notes.render(comparisons, context))
        write_text(folder / "metrics.json", overview.metrics_json(comparisons))
        write_text(
            folder / "averages.csv", results.averages_frame(context.measured).to_csv(index=False, lineterminator="\n")
        )
        write_text(folder / "provenance.md", history.render(own, records))


def load_context(config: Config) -> Context:
    """Printed cells, suspected misprints and measured values, checked."""
    cells = published.load_cells(paths.PUBLISHED)
    misprints = published.load_misprints(paths.PUBLISHED, cells)
    printed_items = {
        spec.dataset: set(cells["item"][(cells["paper"] == spec.paper) & (cells["table"] == spec.table)])
        - {results.AVERAGE}
        for spec in TABLES
        if spec.per_image
    }
    return Context(config, cells, misprints, results.load(config, printed_items))


def write_table(folder: Path, comparison: Comparison, context: Context) -> None:
    """One table as Markdown, LaTeX and CSV."""
    stem = folder / comparison.spec.paper / comparison.spec.name
    page = layout.document(comparison, context)
    write_text(stem.with_suffix(".md"), markdown.render(page))
    write_text(stem.with_suffix(".tex"), latex.render(page))
    write_text(stem.with_suffix(".csv"), to_frame(comparison).to_csv(index=False, lineterminator="\n"))


if __name__ == "__main__":
    run_cli(main)
