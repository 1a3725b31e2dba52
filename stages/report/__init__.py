"""Stage `report`: the papers' tables laid out again, printed and reproduced values side by side."""

from pathlib import Path

from stages.common import paths
from stages.report.tables import TABLES

TABLE_SUFFIXES = (".md", ".tex", ".csv")
PAGES = ("overview.md", "notes.md", "metrics.json", "averages.csv", "provenance.md")


def outputs(scale: str) -> list[Path]:
    """Every file that the stage writes at one scale, besides its own provenance record."""
    folder = paths.reports(scale)
    tables = [folder / table.paper / f"{table.name}{suffix}" for table in TABLES for suffix in TABLE_SUFFIXES]
    return tables + [folder / name for name in PAGES]
