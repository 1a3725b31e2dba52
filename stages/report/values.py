"""The values of a table as data, for its document, and its CSV from them."""

from typing import Any

from redenoise.document.model import IMAGE, NETWORK, REPRODUCED, Cell, Value
from redenoise.support import csv_tables
from stages.report.kinds import Printed, TaskTable
from stages.report.results import ARCHITECTURE
from stages.report.rows import DECIMALS, Comparison, Context, Row, signed

CSV_COLUMNS = ["table", "dataset", "item", "condition", "method", "metric", "unit"]
CSV_COLUMNS += ["published", "reproduced", "delta", "status", "note"]
# After those, in other tables: over how many seeds of the noise, their mean, one standard deviation of the value; over
# how many trainings, and one standard deviation over them.
SPREAD_COLUMNS = ["seeds", "mean", "spread", "trainings", "training_spread", "detail"]
TASK_COLUMNS = ["low", "high", "images"]  # instead, in tables of high-level tasks: the interval, and over what
SPREAD_DECIMALS = 6
LIMIT_DECIMALS = 9  # of a sum of two decimal numbers, which no verdict is taken from again


def values(comparison: Comparison, context: Context) -> tuple[Value, ...]:
    """Every value of one table, in the order of its rows."""
    return tuple(value(row, comparison.spec, context) for row in comparison.rows)


def value(row: Row, spec: Printed, context: Context) -> Value:
    """One value as data; what was measured is rounded as in the CSV."""
    digits = DECIMALS[row.metric]

    def rounded(found: float | None) -> float | None:
        return None if found is None else round(float(found), digits)

    return Value(
        *(spec.key, row.dataset, *row.place, row.unit, row.scope, row.status),
        printed=row.published,
        reproduced=rounded(row.reproduced),
        delta=rounded(row.delta),
        limit=None if row.limit is None else round(row.limit, LIMIT_DECIMALS),
        detail=row.detail,
        note=row.note,
        misprint=row.suspect.strength if row.suspect else "",
        estimate=row.suspect.estimate if row.suspect else "",
        measured=row.measured,
        node=ARCHITECTURE if row.scope == NETWORK else context.makers.get((spec.dataset, row.measured), ""),
        low=rounded(row.low),
        high=rounded(row.high),
        images=row.images,
        **_spread(row, digits),
    )


class Shown:
    """The values that cells of a page about several tables refer to, in the order in which cells first do."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._values: dict[Value, int] = {}

    def cell(self, spec: Printed, row: Row, text: str, shows: str = REPRODUCED) -> Cell:
        """A cell that shows a value of one table."""
        found = value(row, spec, self._context)
        return Cell(text, value=self._values.setdefault(found, len(self._values)), shows=shows)

    @property
    def values(self) -> tuple[Value, ...]:
        """All of them so far."""
        return tuple(self._values)


def csv_text(spec: Printed, found: tuple[Value, ...]) -> str:
    """The table's CSV: `CSV_COLUMNS`, then `TASK_COLUMNS` or `SPREAD_COLUMNS`; numbers with fixed decimals."""
    more = TASK_COLUMNS if isinstance(spec, TaskTable) else SPREAD_COLUMNS
    return csv_tables.text([*CSV_COLUMNS, *more], (_line(value, spec.table, more) for value in found))


def _spread(row: Row, digits: int) -> dict[str, Any]:
    """How far the value moves with the seed, nothing where nobody knows; a single image has no mean of its set."""
    spread = row.spread
    if row.deviation is None or spread is None:
        return {}
    single = row.scope == IMAGE
    found: dict[str, Any] = {}
    if spread.seeds:
        std = spread.noise_image if single else spread.noise
        found |= {"seeds": spread.seeds, "spread": round(std, SPREAD_DECIMALS)}
    if spread.mean is not None and not single:
        found["mean"] = round(spread.mean, digits)
    if spread.trainings:
        std = spread.training_image if single else spread.training
        found |= {"trainings": spread.trainings, "training_spread": round(std, SPREAD_DECIMALS)}
    return found


def _line(value: Value, table: str, more: list[str]) -> list[str]:
    digits = dict.fromkeys(("reproduced", "mean", "low", "high"), DECIMALS[value.metric])
    digits |= dict.fromkeys(("spread", "training_spread"), SPREAD_DECIMALS)

    def text(name: str) -> str:
        found = getattr(value, name)
        return "" if found is None else f"{found:.{digits[name]}f}" if name in digits else str(found)

    delta = "" if value.delta is None else signed(value.delta, DECIMALS[value.metric])
    compared = [value.printed, text("reproduced"), delta, value.status, value.note]
    return [table, *value.place[1:], value.unit, *compared, *map(text, more)]
