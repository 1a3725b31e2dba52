"""What a comparison consists of: judged rows, everything that the joins read, and how a cell is judged."""

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, TypeVar

from redenoise.dag.config import Config
from redenoise.document.model import IMAGE, Value
from stages.report.kinds import Method, Ordering, Printed, Table
from stages.report.outcomes import Difference
from stages.report.published import SUSPECTED, UNITS, Key, Misprint, PrintedCell
from stages.report.recognized import Recognized
from stages.report.results import ARCHITECTURE, AVERAGE, DEMO_PREFIX, Measured, nodes, not_yet, title
from stages.report.spreads import Average, Spread
from stages.report.times import Times
from stages.report.weights import Records

REPRODUCED, OFF, OWN_TRAINING, NOT_RUN = "reproduced", "off", "own training", "not run"
STATUSES = (REPRODUCED, OFF, OWN_TRAINING, NOT_RUN)
UNPRINTED = "unprinted"
HOLDS, UNDECIDED, REVERSED = "holds", "undecided", "reversed"
ORDER_STATUSES = (HOLDS, UNDECIDED, REVERSED, NOT_RUN)
SURE = 2  # standard errors that a difference must exceed
# Of measured values in the CSV; the stages write six.
DECIMALS = {"psnr": 4, "ssim": 5, "params": 0, "top1": 4, "top5": 4, "miou": 4}
BY_UNIT = {"dB": 4, "%": 4, "count": 0, "px": 0, "s": 4, "h": 2}
DECIMALS |= {metric: BY_UNIT[units[0]] for metric, units in UNITS.items() if metric not in DECIMALS}
DEMO_NOTE = "demo scale: stand-in images and tiny networks, nothing to compare with print"

Kind = TypeVar("Kind", bound=Printed, covariant=True)
Place = tuple[str, str, str, str]  # item, condition, method as shown, metric


@dataclass(frozen=True)
class Row(Value):
    """One value of a table before it is rounded: a printed cell with what was measured for it, or what was besides.

    Attributes:
        suspect: what is known of the cell as a suspected misprint.
        known: how far the average of its set moves with the seed, if that was measured.
        caveat: what restricts the measured value, part of the note.
    """

    suspect: Misprint | None = None
    known: Spread | None = None
    caveat: str = ""

    @property
    def inside(self) -> Place:
        """Where the row stands in its table."""
        return self.item, self.condition, self.method, self.metric

    @property
    def reason(self) -> str:
        """The note without the suspicion that may follow: what stands behind the value, or why there is none."""
        return self.note.partition(f"; {SUSPECTED}")[0]

    @property
    def suspicion(self) -> str:
        """A suspected misprint in words, with the delta against its best estimate if there is one; else empty."""
        if self.suspect is None:
            return ""
        text = f"{SUSPECTED} ({self.suspect.strength}): {self.suspect.reason}"
        if not self.suspect.estimate:
            return text
        text += f"; best estimate {self.suspect.estimate}"
        if self.reproduced in (None, math.inf):
            return text
        delta = signed(self.reproduced - float(self.suspect.estimate), DECIMALS[self.metric])
        return f"{text}, delta against it {delta}"

    @property
    def label(self) -> str:
        """The method as shown, with the design if it is one of several of that method."""
        return self.method if self.item in ("", AVERAGE) or self.scope == IMAGE else f"{self.method} {self.item}"


@dataclass(frozen=True)
class Context:
    """Everything that the comparisons read.

    Attributes:
        cells, misprints: see `published.load_cells` and `published.load_misprints`.
        records: see `history.load`.
        measured: see `results.load`.
        recognized: see `recognized.load`.
        spreads: see `spreads.load`.
        times: see `times.load`.
    """

    config: Config
    cells: list[PrintedCell]
    misprints: dict[Key, Misprint]
    records: Records
    measured: Measured
    recognized: Recognized
    spreads: dict[Average, Spread] = field(default_factory=dict)
    times: dict[str, Times] = field(default_factory=dict)

    @property
    def demo(self) -> bool:
        """Whether stand-in images were measured, which no printed value belongs to."""
        return not self.config.settings["real_data"]

    def printed(self, spec: Printed) -> list[PrintedCell]:
        """The printed cells of one table, those included that the report does not cover."""
        return [cell for cell in self.cells if (cell.paper, cell.table) == (spec.paper, spec.table)]

    def dataset(self, spec: Printed) -> str:
        """The name under which the results hold the table's set."""
        return DEMO_PREFIX + spec.dataset if self.demo else spec.dataset

    @cached_property
    def makers(self) -> dict[tuple[str, str], str]:
        """(printed title of a set, method of the results) to the name of the node that measures it."""
        found = {(title(self.config, *node), self.config.entry(*node)["method"]): node for node in nodes(self.config)}
        return {place: "-".join(node) for place, node in {**found, **self.recognized.nodes}.items()}

    def counted(self, name: str, metric: str) -> tuple[int | None, str]:
        """What is counted of a network or filter without an image, or why nothing is."""
        found = self.measured.counts.get((name, metric))
        if found is None and ARCHITECTURE not in self.records:
            return None, not_yet(self.config, ARCHITECTURE)
        return found, "" if found is not None else f"no entry of params.yaml defines the family {name}"

    def backing(self, spec: Table, method: Method) -> str | None:
        """The measured method behind a printed one: the declared one, else one of the same name that was measured."""
        named = method.printed in self.measured.methods.get(self.dataset(spec), [])
        return method.printed if method.measured is None and named else method.measured


@dataclass(frozen=True)
class Ordered:
    """One ordering at one noise level.

    Attributes:
        printed: the printed difference in percentage points; None for a control.
        found: the measured difference, or None.
        reason: why there is none.
    """

    ordering: Ordering
    level: int
    printed: float | None
    found: Difference | None
    reason: str = ""

    @property
    def ratio(self) -> float | None:
        """The difference in standard errors; None without a measured one, or where the error is 0."""
        return self.found.value / self.found.error if self.found and self.found.error else None

    @property
    def status(self) -> str:
        """One of `ORDER_STATUSES`: whether the difference is positive by more than two standard errors."""
        if self.found is None:
            return NOT_RUN
        if abs(self.found.value) <= SURE * self.found.error or self.found.value == 0:
            return UNDECIDED
        return HOLDS if self.found.value > 0 else REVERSED


@dataclass(frozen=True)
class Comparison(Generic[Kind]):
    """One table of some kind, joined.

    Attributes:
        rows: in the order of the CSV and of the values in the table's document.
        methods: label as shown (in a table of designs: the design's id) to measured method, first those behind printed
            ones, then those without a printed counterpart in any table of the set.
        orderings: in a table of a high-level task, its orderings at all noise levels.
    """

    spec: Kind
    rows: list[Row]
    methods: dict[str, str]
    demo: bool
    orderings: tuple[Ordered, ...] = ()

    @cached_property
    def numbers(self) -> dict[tuple[str, ...], int]:
        """Which of the rows has a place."""
        return {row.place: number for number, row in enumerate(self.rows)}

    @cached_property
    def printed(self) -> dict[Place, Row]:
        """The rows of printed cells, by place."""
        return {row.inside: row for row in self.rows if row.status != UNPRINTED}

    @cached_property
    def unprinted(self) -> dict[Place, Row]:
        """The rows without a printed counterpart, by place."""
        return {row.inside: row for row in self.rows if row.status == UNPRINTED}

    @property
    def shown(self) -> dict[Place, Row]:
        """The rows that the paper's layout shows: at the demo scale those of the stand-in images."""
        return self.unprinted if self.demo else self.printed


def signed(value: float, decimals: int) -> str:
    """A number with its sign and fixed decimals; zero is `+0.00`, never `-0.00`."""
    text = f"{value:+.{decimals}f}"
    return text.replace("-", "+") if float(text) == 0 else text


def unmade(dataset: str, name: str) -> str:
    """Why there is no value of a method that no node measures."""
    return f"no entry of params.yaml measures {name} on {dataset}"


def why_unmeasured(context: Context, dataset: str, name: str, item: str, condition: str, metric: str) -> str:
    """Why there is no value of a measured method for one image of a real set, or for its average."""
    if reason := context.measured.notes.get((dataset, item, condition, name, metric)):
        return reason
    if reason := context.measured.why(dataset, name, condition):
        return reason
    if (dataset, name) not in context.makers:
        return unmade(dataset, name)
    if item == AVERAGE:
        return f"{name} did not measure every image of {dataset} at {condition}"
    return f"{name} did not measure image {item} at {condition}"
