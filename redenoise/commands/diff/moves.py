"""Cells that moved between two sides, and how far."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import hypot, sqrt

from redenoise.commands.diff.causes import UNKNOWN, Ancestry, Cause
from redenoise.commands.diff.sides import CellKey, Side
from stages.report.details import SURE
from stages.report.results import AVERAGE
from stages.report.rows import OFF, REPRODUCED


@dataclass(frozen=True)
class Move:
    """One cell that differs.

    Attributes:
        key: of the cell.
        old, new: its lines of the CSV on both sides; None where one has no such cell.
        causes: why, as far as the records tell; one of kind `UNKNOWN` where they do not. Never empty.
        retrained: whether it was measured with other weights.
    """

    key: CellKey
    old: dict[str, str] | None
    new: dict[str, str] | None
    causes: tuple[Cause, ...]
    retrained: bool = False

    @property
    def average(self) -> bool:
        """Whether it is an average over a set, or of a table without single images."""
        return self.key[2] == AVERAGE or not self.key[2].isdigit()

    @property
    def change(self) -> float | None:
        """New minus old value, if both were measured."""
        old, new = (row["reproduced"] if row else "" for row in (self.old, self.new))
        return float(new) - float(old) if old and new else None

    @property
    def within_spread(self) -> bool:
        """Whether it is no larger than two measurements with different seeds may differ, as far as that is known.

        How far other trainings differ counts only where the weights are others.
        """
        names = ("spread", "training_spread") if self.retrained else ("spread",)
        sides = [[float(row[name]) for name in names if row.get(name)] for row in (self.new, self.old) if row]
        known = next(filter(None, sides), None)
        if known is None or not self.change or self.old["published"] != self.new["published"]:
            return False
        return abs(self.change) <= SURE * sqrt(2) * hypot(*known)

    @property
    def regression(self) -> bool:
        """Whether a reproduced cell has gone off, by more than the seed may have moved it."""
        return _status(self.old) == REPRODUCED and _status(self.new) == OFF and not self.within_spread


def moves(old: Side, new: Side, ancestry: Ancestry, makers: Callable[[CellKey], str | None]) -> Iterator[Move]:
    """Every cell that differs in its value, its printed value or its verdict, in the order of the tables.

    Args:
        makers: name of the node that measures a cell, or None.
    """
    for key in dict.fromkeys((*new.cells, *old.cells)):
        before, after = old.cells.get(key), new.cells.get(key)
        if before and after and all(before[name] == after[name] for name in ("published", "reproduced", "status")):
            continue
        causes, maker = _causes(key, before, after, ancestry, makers), makers(key)
        yield Move(key, before, after, causes, maker is not None and ancestry.retrained(maker))


def _causes(key: CellKey, before: dict | None, after: dict | None, ancestry: Ancestry, makers: Callable) -> tuple:
    if before and after and before["reproduced"] == after["reproduced"]:
        return ancestry.judging() or (Cause(UNKNOWN, "judged otherwise, for a reason that no record holds"),)
    maker = makers(key)
    if maker is None:
        return ancestry.judging() or (Cause(UNKNOWN, "no node measures this cell"),)
    return ancestry.of(maker) or ancestry.judging() or (Cause(UNKNOWN, f"nothing that is recorded of {maker} differs"),)


def _status(row: dict[str, str] | None) -> str:
    return row["status"] if row else ""
