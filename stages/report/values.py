"""The values of a table as data, for its document, and its CSV from them."""

from dataclasses import fields

from redenoise.document.model import REPRODUCED, Cell, Value
from redenoise.support import csv_tables
from redenoise.support.numbers import fixed
from stages.report.kinds import Printed, TaskTable
from stages.report.rows import DECIMALS, Row, signed

CSV_COLUMNS = ["table", "dataset", "item", "condition", "method", "metric", "unit"]
CSV_COLUMNS += ["published", "reproduced", "delta", "status", "ground", "note"]
# After those, in other tables: over how many seeds of the noise, their mean, one standard deviation of the value; over
# how many trainings, and one standard deviation over them.
SPREAD_COLUMNS = ["seeds", "mean", "spread", "trainings", "training_spread", "detail"]
TASK_COLUMNS = ["low", "high", "images"]  # instead, in tables of high-level tasks: the interval, and over what
FIELDS = tuple(field.name for field in fields(Value))
SPREAD_DECIMALS = 6
LIMIT_DECIMALS = 9  # of a sum of two decimal numbers, which no verdict is taken from again


def value(row: Row) -> Value:
    """A row as data; what was measured is rounded as in the CSV."""
    digits = dict.fromkeys(("reproduced", "delta", "mean", "low", "high"), DECIMALS[row.metric])
    digits |= {"limit": LIMIT_DECIMALS, "spread": SPREAD_DECIMALS, "training_spread": SPREAD_DECIMALS}
    found = {name: getattr(row, name) for name in FIELDS}
    rounded = {name: round(float(found[name]), places) for name, places in digits.items() if found[name] is not None}
    return Value(**{**found, **rounded})


class Shown:
    """The values that cells of a page about several tables refer to, in the order in which cells first do."""

    def __init__(self) -> None:
        self._values: dict[Value, int] = {}

    def cell(self, row: Row, text: str, shows: str = REPRODUCED) -> Cell:
        """A cell that shows a value of one table."""
        return Cell(text, value=self._values.setdefault(value(row), len(self._values)), shows=shows)

    @property
    def values(self) -> tuple[Value, ...]:
        """All of them so far."""
        return tuple(self._values)


def csv_text(spec: Printed, found: tuple[Value, ...]) -> str:
    """The table's CSV: `CSV_COLUMNS`, then `TASK_COLUMNS` or `SPREAD_COLUMNS`; numbers with fixed decimals."""
    more = TASK_COLUMNS if isinstance(spec, TaskTable) else SPREAD_COLUMNS
    return csv_tables.text([*CSV_COLUMNS, *more], (_line(value, spec.table, more) for value in found))


def _line(value: Value, table: str, more: list[str]) -> list[str]:
    digits = dict.fromkeys(("reproduced", "mean", "low", "high"), DECIMALS[value.metric])
    digits |= dict.fromkeys(("spread", "training_spread"), SPREAD_DECIMALS)

    def text(name: str) -> str:
        found = getattr(value, name)
        return "" if found is None else fixed(found, digits[name]) if name in digits else str(found)

    delta = "" if value.delta is None else signed(value.delta, DECIMALS[value.metric])
    compared = [value.printed, text("reproduced"), delta, value.status, value.ground, value.note]
    return [table, *value.place[1:], value.unit, *compared, *map(text, more)]
