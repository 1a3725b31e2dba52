"""Results: long-format CSV with the columns of `published/`."""

from pathlib import Path

from redenoise.support import csv_tables

COLUMNS = ("dataset", "item", "condition", "method", "metric", "unit", "value")


def write_results(path: Path, rows: list[dict]) -> None:
    """Write long-format results, atomically; `value` carries six decimals."""
    csv_tables.write(path, COLUMNS, rows)
