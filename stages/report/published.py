"""The printed cells and the suspected misprints, read from published/ and checked."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from redenoise.support import csv_tables
from redenoise.support.errors import UserError
from redenoise.support.numbers import is_number
from stages.report.tables import PAPERS

Key = tuple[str, ...]  # of a cell, unique among those of all papers, by `KEY`
KEY = ("paper", "table", "dataset", "item", "condition", "method", "metric")
COLUMNS = (*KEY[1:], "unit", "value")
MISPRINTS = "misprints.csv"
STRENGTHS = ("strong", "weak")
SUSPECTED = "suspected misprint"  # how what is said of one begins, at the end of a value's note


class PrintedCell(NamedTuple):
    """One printed cell, by `KEY`; `value` as printed."""

    paper: str
    table: str
    dataset: str
    item: str
    condition: str
    method: str
    metric: str
    unit: str
    value: str

    @property
    def key(self) -> Key:
        """See `KEY`."""
        return self[: len(KEY)]


class Misprint(NamedTuple):
    """A suspected misprint: `strength` is one of `STRENGTHS`, `estimate` the best guess at the value, or empty."""

    printed: str
    strength: str
    reason: str
    estimate: str


# Metrics by the unit in which they are given.
_METRICS = {
    "dB": "psnr psnr_gain_over_arcnn psnr_gain_over_bm3d psnr_gain_over_tnrd psnr_gain_over_competitors_max "
    "psnr_gain_over_competitors_min",
    "": "ssim",
    "%": "top1 top5 miou params_relative_to_dncnn params_relative_to_derainnet params_relative_to_srcnn "
    "activation_params_share activation_params_share_large_gain activation_params_share_plateau",
    "count": "params params_without_bias activation_params params_budget training_images images_best images_not_best",
    "px": "effective_patch_size receptive_field",
    "s": "runtime_cpu runtime_gpu",
}
UNITS: dict[str, tuple[str, ...]] = {
    metric: (unit,) for unit, metrics in _METRICS.items() for metric in metrics.split()
}
UNITS |= {"training_time": ("h", "d")}


def load_cells(folder: Path) -> list[PrintedCell]:
    """Every printed cell of every paper.

    Raises:
        UserError: a file is missing or not such a CSV, a key occurs twice, a value is no number, or a metric or its
            unit is not known; the line names the file and its line.
    """
    cells = []
    for paper, entry in PAPERS.items():
        for place, _, row in _read(folder / entry.file, COLUMNS, {"paper": paper}):
            _check_cell(row, place)
            cells.append(PrintedCell(**row))
    return cells


def load_misprints(folder: Path, cells: list[PrintedCell]) -> dict[Key, Misprint]:
    """The suspected misprints by the key of the cell, which is one of `cells`.

    Raises:
        UserError: as `load_cells`; also a suspect that names no cell or repeats another value than is printed there.
    """
    found, printed = {}, {cell.key: cell.value for cell in cells}
    for place, key, row in _read(folder / MISPRINTS, (*KEY, *Misprint._fields), {}):
        if key not in printed:
            raise UserError(f"{place}: {_key_text(key)} is no published cell; correct the key")
        misprint = Misprint(*(row[name] for name in Misprint._fields))
        if misprint.printed != printed[key]:
            line = f"{place}: printed is {misprint.printed!r}, the cell has {printed[key]!r}"
            raise UserError(f"{line}; correct one of them")
        if misprint.strength not in STRENGTHS:
            raise UserError(f"{place}: strength is {misprint.strength!r}; expected {' or '.join(STRENGTHS)}")
        if not misprint.reason:
            raise UserError(f"{place}: reason is empty; say why the cell is suspected")
        if misprint.estimate and not is_number(misprint.estimate):
            raise UserError(f"{place}: estimate is {misprint.estimate!r}; expected a number, or nothing")
        found[key] = misprint
    return found


def suspicion(note: str) -> str:
    """The part of a value's note about a suspected misprint, empty if there is none."""
    _, mark, text = note.partition(SUSPECTED)
    return mark + text


def _read(path: Path, columns: Sequence[str], more: csv_tables.Row) -> Iterator[tuple[str, Key, csv_tables.Row]]:
    """Of each line: where it is, its key, and its fields with `more` of them; raises `UserError` for a second key."""
    taken = set()
    for place, fields in csv_tables.numbered(path, columns, "restore it"):
        row = {**more, **fields}
        key = tuple(row[name] for name in KEY)
        if key in taken:
            raise UserError(f"{place}: {_key_text(key)} occurs twice; keep one of the rows")
        taken.add(key)
        yield place, key, row


def _check_cell(row: csv_tables.Row, place: str) -> None:
    if not is_number(row["value"]):
        raise UserError(f"{place}: value is {row['value']!r}; expected a number")
    if row["metric"] not in UNITS:
        raise UserError(f"{place}: metric {row['metric']!r} is not known; expected one of {', '.join(sorted(UNITS))}")
    if row["unit"] not in UNITS[row["metric"]]:
        expected = " or ".join(repr(unit) for unit in UNITS[row["metric"]])
        raise UserError(f"{place}: unit of {row['metric']} is {row['unit']!r}; expected {expected}")


def _key_text(key: Key) -> str:
    return "/".join(part or "-" for part in key)
