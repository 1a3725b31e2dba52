"""Results: long-format CSV with the columns of `published/`."""

import csv
import io
from pathlib import Path

from redenoise.support.files import write_text

COLUMNS = ("dataset", "item", "condition", "method", "metric", "unit", "value")


def write_results(path: Path, rows: list[dict]) -> None:
    """Write long-format results, atomically; `value` carries six decimals."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, stream.getvalue())
