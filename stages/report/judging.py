"""How a cell is judged: its row, with the verdict on what was measured for it."""

import math
from dataclasses import replace
from typing import Any

from redenoise.document.model import IMAGE, NETWORK, STATEMENT
from stages.report import grounds
from stages.report.details import detail
from stages.report.kinds import DesignTable, Printed
from stages.report.published import PrintedCell
from stages.report.results import ARCHITECTURE, AVERAGE
from stages.report.rows import (
    DEMO_NOTE,
    NOT_RUN,
    OFF,
    OWN_TRAINING,
    REPRODUCED,
    UNPRINTED,
    Context,
    Place,
    Row,
)
from stages.report.tables import PRINTED_UNITS, TOLERANCES, tolerance


def scope_of(spec: Printed, item: str, metric: str) -> str:
    """What a value of a table belongs to; one of a table of designs is an average, though its item is a design."""
    if found := next((scope for scope in (NETWORK, STATEMENT) if (metric, scope) in TOLERANCES), ""):
        return found
    return AVERAGE if item == AVERAGE or isinstance(spec, DesignTable) else IMAGE


def rounding(published: str, metric: str) -> float:
    """Half a unit of the printed last place: how far the authors' own unrounded value may lie from print."""
    return 0.5 * PRINTED_UNITS.get(metric, 10.0 ** -len(published.partition(".")[2]))


def judge(
    cell: PrintedCell,
    value: float | None,
    measured: str,
    remark: str,
    spec: Printed,
    context: Context,
    ground: str | None = None,
) -> Row:
    """A printed cell with its verdict.

    Args:
        remark: what stands behind the value or why there is none; may be empty.
        ground: on which the value stands, if not that of `measured` on the table's set.
    """
    row = _row(spec, context, cell.dataset, (cell.item, cell.condition, cell.method, cell.metric), cell.unit, measured)
    suspect, half = context.misprints.get(cell.key), rounding(cell.value, cell.metric)
    facts: dict[str, Any] = {
        "printed": cell.value,
        "limit": tolerance(cell.metric, row.scope, float(cell.value)) + half,
        "suspect": suspect,
    }
    if suspect:
        facts |= {"misprint": suspect.strength, "estimate": suspect.estimate}
    if value == math.inf:  # of an image without any error
        facts |= {"reproduced": value, "status": OFF}
    elif value is not None:
        delta = value - float(cell.value)
        ground = _ground(row, spec, context) if ground is None else ground
        status = REPRODUCED if abs(delta) <= facts["limit"] + 1e-9 else OFF
        if ground in grounds.NO_VERDICT:
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
