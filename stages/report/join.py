"""The join of printed and measured values on their shared key, and the verdict on every cell."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from stages.common.config import Config
from stages.report.results import AVERAGE, DEMO_PREFIX, Measured, is_noise, nodes, sigma, title
from stages.report.tables import MODEL_LABELS, TABLES, TOLERANCES, Method, Table

REPRODUCED, OFF, NOT_RUN, UNPRINTED = "reproduced", "off", "not run", "unprinted"
STATUSES = (REPRODUCED, OFF, NOT_RUN)
CSV_COLUMNS = ["table", "dataset", "item", "condition", "method", "metric", "unit"]
CSV_COLUMNS += ["published", "reproduced", "delta", "status", "note"]
DECIMALS = {"psnr": 4, "ssim": 5}  # of measured values in the CSV; the stages write six
DEMO_NOTE = "demo scale: stand-in images and tiny networks, nothing to compare with print"

Place = tuple[str, str, str, str]  # item, condition, method as shown, metric


@dataclass(frozen=True)
class Suspect:
    """A suspected misprint: `strength` is strong or weak, `estimate` may be empty."""

    strength: str
    reason: str
    estimate: str


@dataclass(frozen=True)
class Row:
    """One line of a table's CSV; `published` is as printed, empty for a value without a printed counterpart."""

    dataset: str
    item: str
    condition: str
    method: str
    metric: str
    unit: str
    published: str
    reproduced: float | None
    status: str
    note: str
    suspect: Suspect | None = None

    @property
    def place(self) -> Place:
        """Where the row stands in its table."""
        return self.item, self.condition, self.method, self.metric

    @property
    def delta(self) -> float | None:
        """Reproduced minus printed, if both are there."""
        return self.reproduced - float(self.published) if self.published and self.reproduced is not None else None


@dataclass(frozen=True)
class Context:
    """Everything that the comparisons read: see `published.load_cells`, `load_misprints` and `results.load`."""

    config: Config
    cells: pd.DataFrame
    misprints: pd.DataFrame
    measured: Measured

    @property
    def demo(self) -> bool:
        """Whether stand-in images were measured, which no printed value belongs to."""
        return not self.config.settings["real_data"]

    def dataset(self, spec: Table) -> str:
        """The name under which the results hold the table's set."""
        return DEMO_PREFIX + spec.dataset if self.demo else spec.dataset

    def backing(self, spec: Table, method: Method) -> str | None:
        """The measured method behind a printed one: the declared one, else one of the same name if there is any."""
        if method.measured is None and method.printed in self.measured.methods.get(self.dataset(spec), []):
            return method.printed
        return method.measured


@dataclass(frozen=True)
class Comparison:
    """One table, joined.

    Attributes:
        rows: in the order of the CSV.
        methods: label as shown to measured method, first those behind printed ones, then those without a printed
            counterpart in any table of the set.
    """

    spec: Table
    rows: list[Row]
    methods: dict[str, str]
    demo: bool

    @cached_property
    def printed(self) -> dict[Place, Row]:
        """The rows of printed cells, by place."""
        return {row.place: row for row in self.rows if row.status != UNPRINTED}

    @cached_property
    def unprinted(self) -> dict[Place, Row]:
        """The rows without a printed counterpart, by place."""
        return {row.place: row for row in self.rows if row.status == UNPRINTED}

    @property
    def shown(self) -> dict[Place, Row]:
        """The rows that the paper's layout shows: at the demo scale those of the stand-in images."""
        return self.unprinted if self.demo else self.printed


def compare(spec: Table, context: Context) -> Comparison:
    """Join one table's printed cells with what was measured, and add what was measured besides."""
    methods = _methods(spec, context)
    rows = list(_printed_rows(spec, context, methods))
    taken = {(row.dataset, *row.place) for row in rows}
    rows += [row for row in _measured_rows(spec, context, methods) if (row.dataset, *row.place) not in taken]
    return Comparison(spec, _sorted(rows, spec, context, methods), methods, context.demo)


def limit(published: str, metric: str, item: str) -> float:
    """Largest |delta| that counts as reproduced: the tolerance, plus half a unit of the printed last place."""
    decimals = len(published.partition(".")[2])
    return TOLERANCES[metric, AVERAGE if item == AVERAGE else "image"] + 0.5 * 10.0**-decimals


def to_frame(comparison: Comparison) -> pd.DataFrame:
    """The table's CSV: `CSV_COLUMNS`, all strings, measured values and deltas with fixed decimals."""
    records = []
    for row in comparison.rows:
        reproduced = "" if row.reproduced is None else f"{row.reproduced:.{DECIMALS[row.metric]}f}"
        delta = "" if row.delta is None else signed(row.delta, DECIMALS[row.metric])
        head = (comparison.spec.table, row.dataset, row.item, row.condition, row.method, row.metric, row.unit)
        records.append((*head, row.published, reproduced, delta, row.status, row.note))
    return pd.DataFrame(records, columns=CSV_COLUMNS)


def signed(value: float, decimals: int) -> str:
    """A number with its sign and fixed decimals; zero is `+0.00`, never `-0.00`."""
    text = f"{value:+.{decimals}f}"
    return text.replace("-", "+") if float(text) == 0 else text


def _methods(spec: Table, context: Context) -> dict[str, str]:
    """Measured methods by the label that they have in this table, printed ones first."""
    behind = {method.printed: context.backing(spec, method) for method in spec.methods}
    shown = {label: name for label, name in behind.items() if name is not None}
    same_set = [table for table in TABLES if table.dataset == spec.dataset]
    elsewhere = {context.backing(table, method) for table in same_set for method in table.methods}
    for name in context.measured.methods.get(context.dataset(spec), []):
        if name not in elsewhere:
            other = f"{name} (other model)" if name in behind else name
            shown[MODEL_LABELS.get(name, other)] = name
    return shown


def _printed_rows(spec: Table, context: Context, methods: dict[str, str]) -> Iterator[Row]:
    suspects = _suspects(spec, context)
    for cell in _cells(spec, context):
        key = (cell.item, cell.condition, methods.get(cell.method, ""), cell.metric)
        # At the demo scale the results carry another data set's name, so nothing can meet a printed cell.
        value = context.measured.values.get((cell.dataset, *key))
        suspect = suspects.get((cell.item, cell.condition, cell.method, cell.metric))
        if value is None:
            status, notes = NOT_RUN, [_why_not_run(spec, context, cell.item, cell.condition, cell.method)]
        else:
            delta = abs(value - float(cell.value))
            status = REPRODUCED if delta <= limit(cell.value, cell.metric, cell.item) + 1e-9 else OFF
            notes = [] if methods[cell.method] == cell.method else [f"measured with {methods[cell.method]}"]
        notes += [suspicion(suspect, value, cell.metric)] if suspect else []
        head = (cell.dataset, cell.item, cell.condition, cell.method, cell.metric, cell.unit)
        yield Row(*head, cell.value, value, status, "; ".join(notes), suspect)


def suspicion(suspect: Suspect, value: float | None, metric: str) -> str:
    """A suspected misprint in words, with the delta against its best estimate if there is one and a measured value."""
    text = f"suspected misprint ({suspect.strength}): {suspect.reason}"
    if suspect.estimate:
        text += f"; best estimate {suspect.estimate}"
        if value is not None:
            text += f", delta against it {signed(value - float(suspect.estimate), DECIMALS[metric])}"
    return text


def _measured_rows(spec: Table, context: Context, methods: dict[str, str]) -> Iterator[Row]:
    """A row without a printed value for everything that was measured by the table's methods on its set."""
    dataset = context.dataset(spec)
    labels = {name: label for label, name in methods.items()}
    note = DEMO_NOTE if context.demo else ""
    for (found, item, condition, name, metric), value in context.measured.values.items():
        if found == dataset and name in labels and metric in DECIMALS and is_noise(condition):
            unit = "dB" if metric == "psnr" else ""
            yield Row(dataset, item, condition, labels[name], metric, unit, "", value, UNPRINTED, note)


def _why_not_run(spec: Table, context: Context, item: str, condition: str, label: str) -> str:
    method = next((method for method in spec.methods if method.printed == label), Method(label))
    name = context.backing(spec, method)
    if name is None:
        return method.reason or "not part of the table's declaration"
    if context.demo:
        return DEMO_NOTE
    if (spec.dataset, name) in context.measured.unavailable:
        return context.measured.unavailable[spec.dataset, name]
    config = context.config
    if not any((title(config, *node), config.entry(*node)["method"]) == (spec.dataset, name) for node in nodes(config)):
        return f"no entry of params.yaml measures {name} on {spec.dataset}"
    if item == AVERAGE:
        return f"{name} did not measure every image of {spec.dataset} at {condition}"
    return f"{name} did not measure image {item} at {condition}"


def _cells(spec: Table, context: Context) -> list:
    cells = context.cells
    conditions = [f"sigma={level}" for level in spec.sigmas]
    chosen = (cells["paper"] == spec.paper) & (cells["table"] == spec.table) & (cells["dataset"] == spec.dataset)
    return list(cells[chosen & cells["condition"].isin(conditions)].itertuples(index=False))


def _suspects(spec: Table, context: Context) -> dict[Place, Suspect]:
    frame = context.misprints
    chosen = frame[(frame["paper"] == spec.paper) & (frame["table"] == spec.table) & (frame["dataset"] == spec.dataset)]
    return {
        (row.item, row.condition, row.method, row.metric): Suspect(row.strength, row.reason, row.estimate)
        for row in chosen.itertuples(index=False)
    }


def _sorted(rows: list[Row], spec: Table, context: Context, methods: dict[str, str]) -> list[Row]:
    """By noise level, printed set before stand-ins, image as printed, method as printed, metric; averages last."""
    printed = [cell.item for cell in _cells(spec, context)]
    images = dict.fromkeys([*printed, *context.measured.items.get(context.dataset(spec), [])])
    images.pop(AVERAGE, None)
    item_order = {item: index for index, item in enumerate([*images, AVERAGE])}
    labels = dict.fromkeys([*(method.printed for method in spec.methods), *methods])
    method_order = {label: index for index, label in enumerate(labels)}
    metric_order = {metric: index for index, metric in enumerate(DECIMALS)}

    def order(row: Row) -> tuple:
        place = (item_order[row.item], method_order[row.method], metric_order[row.metric])
        return sigma(row.condition), row.dataset != spec.dataset, *place

    return sorted(rows, key=order)
