"""The printed cells and the suspected misprints, read from published/ and checked."""

from pathlib import Path

import pandas as pd

from redenoise.support import csv_tables
from redenoise.support.csv_tables import is_number
from redenoise.support.errors import UserError
from stages.report.tables import PAPERS

COLUMNS = ["table", "dataset", "item", "condition", "method", "metric", "unit", "value"]
CELL = ["paper", "table", "dataset", "item", "condition", "method", "metric"]
MISPRINT_COLUMNS = [*CELL, "printed", "strength", "reason", "estimate"]
MISPRINTS = "misprints.csv"
STRENGTHS = ("strong", "weak")

# The units in which each metric may be given.
UNITS = {
    "psnr": ("dB",),
    "ssim": ("",),
    "top1": ("%",),
    "top5": ("%",),
    "miou": ("%",),
    "params": ("count",),
    "params_budget": ("count",),
    "params_relative_to_dncnn": ("%",),
    "params_relative_to_derainnet": ("%",),
    "params_relative_to_srcnn": ("%",),
    "activation_params_share": ("%",),
    "activation_params_share_large_gain": ("%",),
    "activation_params_share_plateau": ("%",),
    "effective_patch_size": ("px",),
    "receptive_field": ("px",),
    "runtime_cpu": ("s",),
    "runtime_gpu": ("s",),
    "training_time": ("h", "d"),
    "training_images": ("count",),
    "images_best": ("count",),
    "images_not_best": ("count",),
    "psnr_gain_over_arcnn": ("dB",),
    "psnr_gain_over_bm3d": ("dB",),
    "psnr_gain_over_tnrd": ("dB",),
    "psnr_gain_over_competitors_max": ("dB",),
    "psnr_gain_over_competitors_min": ("dB",),
}


def load_cells(folder: Path) -> pd.DataFrame:
    """Every printed cell of every paper.

    Returns:
        One row per cell, all columns strings: `paper` (key of `PAPERS`) and `COLUMNS`; `value` as printed.

    Raises:
        UserError: a file is missing or not such a CSV, a key occurs twice, a value is no number, or a metric or its
            unit is not known; the line names the file and its line.
    """
    frames = []
    for paper, entry in PAPERS.items():
        path = folder / entry.file
        frame = _read(path, COLUMNS)
        frame.insert(0, "paper", paper)
        _check_unique(frame, CELL, path)
        for line, row in _lines(frame):
            _check_cell(row, f"{path}: line {line}")
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def load_misprints(folder: Path, cells: pd.DataFrame) -> pd.DataFrame:
    """The suspected misprints, each naming one cell of `cells`.

    Returns:
        One row per suspect, all columns strings: `MISPRINT_COLUMNS`; `estimate` is empty where there is none.

    Raises:
        UserError: as `load_cells`; also a suspect that names no cell or repeats another value than is printed there.
    """
    path = folder / MISPRINTS
    frame = _read(path, MISPRINT_COLUMNS)
    _check_unique(frame, CELL, path)
    printed = dict(zip(cells[CELL].itertuples(index=False, name=None), cells["value"], strict=True))
    for line, row in _lines(frame):
        place, key = f"{path}: line {line}", tuple(row[name] for name in CELL)
        if key not in printed:
            raise UserError(f"{place}: {_key_text(key)} is no published cell; correct the key")
        if row["printed"] != printed[key]:
            raise UserError(
                f"{place}: printed is {row['printed']!r}, the cell has {printed[key]!r}; correct one of them"
            )
        if row["strength"] not in STRENGTHS:
            raise UserError(f"{place}: strength is {row['strength']!r}; expected {' or '.join(STRENGTHS)}")
        if not row["reason"]:
            raise UserError(f"{place}: reason is empty; say why the cell is suspected")
        if row["estimate"] and not is_number(row["estimate"]):
            raise UserError(f"{place}: estimate is {row['estimate']!r}; expected a number, or nothing")
    return frame


def _read(path: Path, columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(csv_tables.read(path, columns, "restore it"), columns=columns, dtype=str)


def _lines(frame: pd.DataFrame) -> list[tuple[int, dict[str, str]]]:
    """The rows with their line numbers in the file, the header being line 1."""
    return list(enumerate(frame.to_dict("records"), start=2))


def _check_unique(frame: pd.DataFrame, key: list[str], path: Path) -> None:
    repeated = frame.duplicated(key)
    if repeated.any():
        first = int(repeated.to_numpy().argmax())
        text = _key_text(tuple(frame.loc[first, key]))
        raise UserError(f"{path}: line {first + 2}: {text} occurs twice; keep one of the rows")


def _check_cell(row: dict[str, str], place: str) -> None:
    if not is_number(row["value"]):
        raise UserError(f"{place}: value is {row['value']!r}; expected a number")
    if row["metric"] not in UNITS:
        raise UserError(f"{place}: metric {row['metric']!r} is not known; expected one of {', '.join(sorted(UNITS))}")
    if row["unit"] not in UNITS[row["metric"]]:
        expected = " or ".join(repr(unit) for unit in UNITS[row["metric"]])
        raise UserError(f"{place}: unit of {row['metric']} is {row['unit']!r}; expected {expected}")


def _key_text(key: tuple[str, ...]) -> str:
    return "/".join(part or "-" for part in key)
