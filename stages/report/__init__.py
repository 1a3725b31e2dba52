"""Stage `report`: the papers' tables laid out again, printed and reproduced values side by side."""

from pathlib import Path

from redenoise.dag import paths
from stages.report import gallery
from stages.report.tables import ALL_TABLES

TABLE_SUFFIXES = (".md", ".tex", ".csv")
PAGES = ("overview.md", "notes.md", "provenance.md", "training.md", "figures.md", "metrics.json", "averages.csv")
PAGES += ("records.json", "accuracies.csv", "learning_curves.csv")
PAGES += tuple(f"figures/{name}" for name in (*gallery.MADE, *gallery.OWN))


def outputs(scale: str) -> list[Path]:
    """Every file that the stage writes at one scale, besides its own provenance record."""
    folder = paths.reports(scale)
    tables = [folder / table.paper / f"{table.name}{suffix}" for table in ALL_TABLES for suffix in TABLE_SUFFIXES]
    return tables + [folder / name for name in PAGES]
