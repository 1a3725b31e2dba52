"""What a comparison consists of: judged rows, everything that the joins read, and how a cell is judged."""

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Generic, TypeVar

from redenoise.dag.config import Config
from redenoise.document.model import IMAGE, NETWORK, Value
from stages.report import grounds
from stages.report.details import detail
from stages.report.kinds import DesignTable, Method, Ordering, Printed, Table
from stages.report.outcomes import Difference
from stages.report.published import SUSPECTED, Key, Misprint, PrintedCell
from stages.report.recognized import Recognized
from stages.report.results import ARCHITECTURE, AVERAGE, DEMO_PREFIX, Measured, nodes, title
from stages.report.spreads import Average, Spread
from stages.report.tables import PRINTED_UNITS, TOLERANCES
from stages.report.weights import Records

REPRODUCED, OFF, OWN_TRAINING, NOT_RUN = "reproduced", "off", "own training", "not run"
STATUSES = (REPRODUCED, OFF, OWN_TRAINING, NOT_RUN)
UNPRINTED = "unprinted"
HOLDS, UNDECIDED, REVERSED = "holds", "undecided", "reversed"
ORDER_STATUSES = (HOLDS, UNDECIDED, REVERSED, NOT_RUN)
SURE = 2  # standard errors that a difference must exceed
# Of measured values in the CSV; the stages write six.
DECIMALS = {"psnr": 4, "ssim": 5, "params": 0, "top1": 4, "top5": 4, "miou": 4}
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
        return self.method if self.item == AVERAGE or self.scope == IMAGE else f"{self.method} {self.item}"


@dataclass(frozen=True)
class Context:
    """Everything that the comparisons read.

    Attributes:
        cells, misprints: see `published.load_cells` and `published.load_misprints`.
        records: see `history.load`.
        measured: see `results.load`.
        recognized: see `recognized.load`.
        spreads: see `spreads.load`.
    """

    config: Config
    cells: list[PrintedCell]
    misprints: dict[Key, Misprint]
    records: Records
    measured: Measured
    recognized: Recognized
    spreads: dict[Average, Spread] = field(default_factory=dict)

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


def scope_of(spec: Printed, item: str, metric: str) -> str:
    """What a value of a table belongs to; one of a table of designs is an average, though its item is a design."""
    if metric == "params":
        return NETWORK
    return AVERAGE if item == AVERAGE or isinstance(spec, DesignTable) else IMAGE


def rounding(published: str, metric: str) -> float:
    """Half a unit of the printed last place: how far the authors' own unrounded value may lie from print."""
    return 0.5 * PRINTED_UNITS.get(metric, 10.0 ** -len(published.partition(".")[2]))


def judge(cell: PrintedCell, value: float | None, measured: str, remark: str, spec: Printed, context: Context) -> Row:
    """A printed cell with its verdict; `remark`, if any, says what stands behind it or why nothing does."""
    row = _row(spec, context, cell.dataset, (cell.item, cell.condition, cell.method, cell.metric), cell.unit, measured)
    suspect, half = context.misprints.get(cell.key), rounding(cell.value, cell.metric)
    facts: dict[str, Any] = {
        "printed": cell.value,
        "limit": TOLERANCES[cell.metric, row.scope] + half,
        "suspect": suspect,
    }
    if suspect:
        facts |= {"misprint": suspect.strength, "estimate": suspect.estimate}
    if value == math.inf:  # of an image without any error
        facts |= {"reproduced": value, "status": OFF}
    elif value is not None:
        delta = value - float(cell.value)
        ground = _ground(row, spec, context)
        status = REPRODUCED if abs(delta) <= facts["limit"] + 1e-9 else OFF
        if ground == grounds.TRAINING:
            status = OWN_TRAINING
        elif row.scope != NETWORK:  # a count cannot vary
            facts["detail"] = detail(delta, half, _deviation(row), status == REPRODUCED)
        facts |= {"reproduced": value, "delta": delta, "status": status, "ground": ground, **_spread(row)}
    row = replace(row, **facts)
    return replace(row, note="; ".join(filter(None, (remark, row.suspicion))))


def _ground(row: Row, spec: Printed, context: Context) -> str:
    if row.scope == NETWORK:
        return grounds.COUNT
    return grounds.ground(context.config, context.records, spec.dataset, row.measured, row.condition)


def unprinted(spec: Printed, context: Context, place: Place, unit: str, value: float, measured: str) -> Row:
    """A measured value without a printed counterpart."""
    row = _row(spec, context, context.dataset(spec), place, unit, measured)
    note = DEMO_NOTE if context.demo else ""
    return replace(row, reproduced=value, status=UNPRINTED, note=note, **_spread(row))


def _row(spec: Printed, context: Context, dataset: str, place: Place, unit: str, measured: str) -> Row:
    """A value of which nothing is known yet but where it stands and what would measure it."""
    item, condition, _, metric = place
    scope = scope_of(spec, item, metric)
    node = ARCHITECTURE if scope == NETWORK else context.makers.get((spec.dataset, measured), "")
    known = context.spreads.get((dataset, condition, measured, metric))
    return Row(spec.key, dataset, *place, unit, scope, NOT_RUN, measured=measured, node=node, known=known)


def _deviation(row: Row) -> float | None:
    """One standard deviation of a value over seeds, if it was measured."""
    if row.known is None or row.scope == NETWORK:
        return None
    return row.known.image if row.scope == IMAGE else row.known.average


def _spread(row: Row) -> dict[str, Any]:
    """How far a measured value moves with the seed, nothing where nobody knows; an image has no mean of its set."""
    known, single = row.known, row.scope == IMAGE
    if known is None or row.scope == NETWORK:
        return {}
    found: dict[str, Any] = {}
    if known.seeds:
        found |= {"seeds": known.seeds, "spread": known.noise_image if single else known.noise}
    if known.mean is not None and not single:
        found["mean"] = known.mean
    if known.trainings:
        std = known.training_image if single else known.training
        found |= {"trainings": known.trainings, "training_spread": std}
    return found


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
