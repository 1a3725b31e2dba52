"""Cells that moved between two sides, and how far."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import hypot, sqrt

from redenoise.commands.diff.causes import UNKNOWN, Ancestry, Cause
from redenoise.commands.diff.sides import Side
from redenoise.document.model import IMAGE, Place, Value
from stages.report.details import SURE
from stages.report.rows import OFF, REPRODUCED


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
        return None if old is None or new is None else new - old

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
