"""Folders with an `index.csv`: how data travel from one stage to the next.

A folder whose data could not be had holds an empty index and `unavailable.txt` with the reason, which is handed on
from stage to stage until the report says "not run" and why.
"""

import csv
from collections.abc import Iterable
from pathlib import Path

from redenoise.support import csv_tables
from redenoise.support.errors import UserError
from redenoise.support.files import plain, sha256_file, write_text

INDEX = "index.csv"
PLACES = {"id", "path", "clean", "mask"}  # columns that become parts of paths
UNAVAILABLE = "unavailable.txt"
MISSING = "missing.json"  # beside the weights of a family: its models that are not there, and why
# What the card of released weights must say: the fields that are read where they are taken up.
CARD = ("origin", "sha256", "sigma_range", "schedule", "steps", "steps_done", "hours", "restarts", "curve")


def write_index(folder: Path, columns: tuple[str, ...], rows: Iterable[dict]) -> None:
    """Write `index.csv` into `folder`, atomically, with LF line ends."""
    csv_tables.write(folder / INDEX, columns, rows)


def read_index(folder: Path, columns: Iterable[str] = ()) -> list[dict[str, str]]:
    """The rows of `folder/index.csv`.

    Args:
        columns: that it must have besides id, path and sha256.

    Raises:
        UserError: the file is missing or damaged, or names a file that is not plainly below its folder.
    """
    path = folder / INDEX
    try:
        with plain(path).open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            rows, header = list(reader), reader.fieldnames
    except FileNotFoundError:
        raise UserError(f"{path}: missing; run the stage that makes it") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: damaged ({error}); delete it and run its stage again") from None
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}, expected a CSV file; delete it and run its stage again") from None
    if not {"id", "path", "sha256", *columns} <= set(header or ()):
        raise UserError(f"{path}: damaged, its header is {header}; delete it and run its stage again")
    if any(None in row or None in row.values() for row in rows):
        raise UserError(f"{path}: damaged, a line has too many or too few fields; delete it and run its stage again")
    for line, row in enumerate(rows, start=2):
        for name in PLACES & set(row):  # relative, and in its folder; empty ones are those of nothing
            found = row[name]
            if not found.isprintable() or found.startswith("/") or ".." in found.split("/"):
                place = f"{path}: line {line}: {name} is {found[:100]!r}"
                raise UserError(f"{place}, expected a plain path; delete it and run its stage again")
    return rows


def checked_path(folder: Path, row: dict[str, str]) -> Path:
    """The file that a row names, once its bytes have been found to be those recorded in the index."""
    path = folder / row["path"]
    if not path.is_file():
        raise UserError(f"{path}: missing, but listed in {folder / INDEX}; run the stage that makes it")
    found = sha256_file(path)
    if found != row["sha256"] and len(row["sha256"]) != len(found):
        line = f"{folder / INDEX}: damaged, the SHA-256 of {row['path']} is {row['sha256'][:100]!r}"
        raise UserError(f"{line}; delete {folder} and run its stage again")
    if found != row["sha256"]:
        line = f"{path}: SHA-256 is {found[:12]}…, {INDEX} says {row['sha256'][:12]}…"
        raise UserError(f"{line}; the file was damaged or changed: delete {folder} and run its stage again")
    return path


def unavailable_reason(folder: Path) -> str | None:
    """Why a folder is empty, or None if its data are there."""
    path = folder / UNAVAILABLE
    try:
        return plain(path).read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (UnicodeDecodeError, OSError):
        raise UserError(f"{path}: damaged, expected a line of text; delete {folder} and run its stage again") from None


def write_unavailable(folder: Path, reason: str) -> None:
    """Say in `folder` why its data are not there."""
    write_text(folder / UNAVAILABLE, " ".join(reason.split()) + "\n")
