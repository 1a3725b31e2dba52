"""The two sides of a comparison, and the cells that moved between them, and how far.

A side is the reports of a revision, of another checkout, or of the working tree.
"""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import hypot, sqrt
from pathlib import Path
from typing import Any

from redenoise.commands.diff.causes import UNKNOWN, Ancestry, Cause
from redenoise.document.model import IMAGE, Place, Value
from redenoise.support import git
from redenoise.support.errors import UserError
from redenoise.support.files import plain
from stages.report import reading
from stages.report.details import SURE
from stages.report.records import FORMAT, NAME
from stages.report.rows import OFF, REPRODUCED
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
        UserError: there is neither; the reader raises it for a file that is there and cannot be read.
    """
    if Path(source, "reports").is_dir():
        return lambda name: _text(Path(source, name))
    root = Path.cwd()
    try:
        commit = git.ask(root, "rev-parse", "--verify", f"{source}^{{commit}}").decode().strip()
    except git.GitError as error:
        line = f"{source!r} is neither a revision that git knows here nor a folder with reports/ ({error})"
        raise UserError(f"{line}; give one, such as HEAD~1 or main (git fetch brings those of others)") from None

    def read(name: str) -> str | None:
        # A tree tells a file that is not there from one that cannot be read, as in a clone without its remote.
        listed = git.ask(root, "ls-tree", "-z", "--full-tree", commit, "--", name).decode()
        if not listed:
            return None
        return _decoded(git.ask(root, "cat-file", "blob", listed.partition("\t")[0].split()[2]), f"{source}: {name}")

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
            values |= {value.place: value for value in reading.parse(text, spec.key, f"{name}: {path}.json").values}
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
        return _decoded(plain(path).read_bytes(), str(path))
    except FileNotFoundError:
        return None


def _decoded(data: bytes, place: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{place}: not text ({error}); restore it from git") from None


@dataclass(frozen=True)
class Move:
    """One cell that differs.

    Attributes:
        key: of the cell.
        old, new: its value on both sides; None where one has no such cell.
        causes: why, as far as the records tell; one of kind `UNKNOWN` where they do not. Never empty.
        retrained: whether it was measured with other weights.
    """

    key: Place
    old: Value | None
    new: Value | None
    causes: tuple[Cause, ...]
    retrained: bool = False

    @property
    def value(self) -> Value:
        """The newer of its values."""
        value = self.new or self.old
        assert value is not None, "a cell that neither side has cannot move"
        return value

    @property
    def average(self) -> bool:
        """Whether it is no single image's, but an average over a set or of a network."""
        return self.value.scope != IMAGE

    @property
    def change(self) -> float | None:
        """New minus old value, if both were measured."""
        old, new = (value.reproduced if value else None for value in (self.old, self.new))
        return None if old is None or new is None or math.inf in (old, new) else new - old

    @property
    def within_spread(self) -> bool:
        """Whether it is no larger than two measurements with different seeds may differ, as far as that is known.

        How far other trainings differ counts only where the weights are others.
        """
        names = ("spread", "training_spread") if self.retrained else ("spread",)
        sides = [[getattr(value, name) for name in names] for value in (self.new, self.old) if value]
        known = next(filter(None, ([std for std in side if std is not None] for side in sides)), None)
        if known is None or not self.change or len({value.printed for value in (self.old, self.new) if value}) > 1:
            return False
        return abs(self.change) <= SURE * sqrt(2) * hypot(*known)

    @property
    def regression(self) -> bool:
        """Whether a reproduced cell has gone off, by more than the seed may have moved it."""
        return _status(self.old) == REPRODUCED and _status(self.new) == OFF and not self.within_spread


def moves(old: Side, new: Side, ancestry: Ancestry) -> Iterator[Move]:
    """Every cell that differs in its value, its printed value or its verdict, in the order of the tables."""
    for key in dict.fromkeys((*new.values, *old.values)):
        before, after = old.values.get(key), new.values.get(key)
        if _judged(before) != _judged(after):
            maker = next(value.node for value in (after, before) if value)
            retrained = bool(maker) and ancestry.retrained(maker)
            yield Move(key, before, after, _causes(before, after, maker, ancestry), retrained)


def _judged(value: Value | None) -> tuple[str, float | None, str] | None:
    return (value.printed, value.reproduced, value.status) if value else None


def _causes(before: Value | None, after: Value | None, maker: str, ancestry: Ancestry) -> tuple[Cause, ...]:
    if before and after and before.reproduced == after.reproduced:
        return ancestry.judging() or (Cause(UNKNOWN, "judged otherwise, for a reason that no record holds"),)
    if not maker:
        return ancestry.judging() or (Cause(UNKNOWN, "no node measures this cell"),)
    return ancestry.of(maker) or ancestry.judging() or (Cause(UNKNOWN, f"nothing that is recorded of {maker} differs"),)


def _status(value: Value | None) -> str:
    return value.status if value else ""
