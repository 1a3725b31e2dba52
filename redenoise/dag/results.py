"""Results: long-format CSV with the columns of `published/`."""

from collections.abc import Iterator
from pathlib import Path

from redenoise.support import csv_tables

COLUMNS = ("dataset", "item", "condition", "method", "metric", "unit", "value")
NOTE = ("note",)  # a column that is there where a row has one: why its value is empty, or what restricts it


def write_results(path: Path, rows: list[dict]) -> None:
    """Write long-format results, atomically; `value` carries six decimals, is `exact`, or is empty with a `note`."""
    csv_tables.write(path, (*COLUMNS, *NOTE) if any(row.get("note") for row in rows) else COLUMNS, rows)


def read_results(path: Path, again: str) -> Iterator[tuple[str, csv_tables.Row]]:
    """The rows of a file, each with its place as errors name it; `note` is empty where there is none.

    Args:
        again: what to do about a damaged file.

    Raises:
        UserError: the file is missing, or no CSV with these columns.
    """
    for place, row in csv_tables.numbered(path, COLUMNS, again, NOTE):
        yield place, {"note": "", **row}
