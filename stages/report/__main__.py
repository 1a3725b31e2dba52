"""`python -m stages.report`: see stages/report/node.py."""

from pathlib import Path

from redenoise.support.errors import UserError, run_cli


def main() -> None:
    """Read the command line, write the reports and say where to begin to read; or hand over to one of `COMMANDS`."""
    word = sys.argv[1] if len(sys.argv) > 1 else "-"
    if not word.startswith("-"):
        if word not in COMMANDS:
            raise UserError(f"{word!r} is no command; {choices(word, COMMANDS)}; without one, the reports are written")
        importlib.import_module(COMMANDS[word]).main(sys.argv[2:])
        return
    arguments = configuration.stage_parser("report", __doc__, keyed=False).parse_args()
    config = configuration.load(arguments.scale)
    report(config)
    print(f"report: {paths.reports(config.scale) / 'overview.md'}")


def inputs(config: Config) -> list[Path]:
    """Every file that the stage reads, besides its sources, which published/ and the notes' text belong to."""
    measured = [paths.results(config.scale, key) for _, key in results.nodes(config)]
    measured.append(paths.results(config.scale, results.ARCHITECTURE))
    for _, key in recognized.nodes(config):
        measured += [paths.results(config.scale, key), paths.outcomes(config.scale, key)]
    measured.append(paths.figures(config.scale))
    records = [paths.provenance(config.scale, stage, key) for stage, key in config.nodes()]
    return [*measured, *records, *([spreads.FOLDER] if spreads.FOLDER.exists() else [])]


def report(config: Config) -> None:
    """Write every file of `outputs`; raises `UserError` if an input is missing or malformed."""
    # The last of the nodes tidies up after those that were killed.
    sweep(paths.build(config.scale))
    sweep(paths.reports(config.scale))
    with provenance.recorded(config, "report", None, inputs(config), outputs(config.scale)) as own:
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


if __name__ == "__main__":
    run_cli(main)
