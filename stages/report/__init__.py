"""Stage `report`: the papers' tables laid out again, printed and reproduced values side by side."""

from pathlib import Path

from redenoise.dag import paths
from stages.report import gallery, photograph_tasks
from stages.report.tables import ALL_TABLES

TABLE_SUFFIXES = (".md", ".json", ".tex", ".csv")
PAGES = (
    "overview",
    "photographs",
    *(spec.name for spec in photograph_tasks.SPECS),
    "notes",
    "provenance",
    "training",
    "figures",
)
FILES = tuple(f"{page}{suffix}" for page in PAGES for suffix in (".md", ".json"))
FILES += ("metrics.json", "averages.csv", "restored.csv", "records.json", "accuracies.csv", *gallery.DATA)
FILES += tuple(f"cells/{paper}.json" for paper in dict.fromkeys(table.paper for table in ALL_TABLES))
FILES += tuple(f"figures/{name}" for name in (*gallery.MADE, *gallery.OWN))


def outputs(scale: str) -> list[Path]:
    """Every file that the stage writes at one scale, besides its own provenance record."""
    folder = paths.reports(scale)
    tables = [f"{table.key}{suffix}" for table in ALL_TABLES for suffix in TABLE_SUFFIXES]
    return [folder / name for name in (*tables, *FILES)]
