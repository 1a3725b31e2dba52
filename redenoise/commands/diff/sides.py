"""The two sides of a comparison: the reports of a revision, of another checkout, or of the working tree."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redenoise.document import store
from redenoise.document.model import Place, Value
from redenoise.support.errors import UserError
from stages.report.records import FORMAT, NAME
from stages.report.tables import ALL_TABLES

Reader = Callable[[str], str | None]  # text of a file by its path in the project, None if there is no such file


@dataclass(frozen=True)
class Side:
    """The reports of one scale.

    Attributes:
        values: of all tables, by their keys.
        records: `records.json`, or None where the revision has none.
    """

    values: dict[Place, Value]
    records: dict[str, Any] | None


def reader(source: str) -> Reader:
    """Reads files of a folder with a checkout, if there is one of that name, else of a git revision.

    Raises:
        UserError: there is neither.
    """
    if Path(source, "reports").is_dir():
        return lambda name: _text(Path(source, name))
    found = _git("rev-parse", "--verify", "--quiet", f"{source}^{{commit}}")
    if found.returncode:
        line = f"{source!r} is neither a revision that git knows here nor a folder with reports/"
        raise UserError(f"{line}; give one, such as HEAD~1 or main (git fetch brings those of others)")
    commit = found.stdout.decode().strip()

    def read(name: str) -> str | None:
        shown = _git("show", f"{commit}:{name}")
        return shown.stdout.decode() if shown.returncode == 0 else None

    return read


def scales(read: Reader, known: list[str]) -> list[str]:
    """The scales among `known` that have reports."""
    return [scale for scale in known if read(f"reports/{scale}/overview.md") is not None]


def load(name: str, read: Reader, scale: str) -> Side:
    """The reports of one scale; raises `UserError` for a damaged file, and for pages that are not there as data.

    A table that this side does not have at all has no values.
    """
    values: dict[Place, Value] = {}
    for spec in ALL_TABLES:
        path = f"reports/{scale}/{spec.key}"
        text = read(f"{path}.json")
        if text is not None:
            values |= {value.place: value for value in store.parse(text, f"{name}: {path}.json").values}
        elif read(f"{path}.md") is not None:
            line = f"{name}: {path}.json: missing beside its page, this report was made before pages were kept as data"
            raise UserError(f"{line}; choose a later revision, or a folder where it was made again")
    return Side(values, _records(f"{name}: reports/{scale}/{NAME}", read(f"reports/{scale}/{NAME}")))


def _records(place: str, text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        records = json.loads(text)
        if records["format"] != FORMAT or not {"nodes", "values", "listings"} <= set(records):
            raise ValueError(f"format {records['format']}")
        return records
    except (ValueError, KeyError, TypeError) as error:
        line = f"{place}: not the records of format {FORMAT} ({error})"
        raise UserError(f"{line}; run `python -m stages.report` again") from None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable ({error}); restore it from git") from None


def _git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        raise UserError(
            "git: not found, and a revision can only be read with it; install it or name a folder"
        ) from None
