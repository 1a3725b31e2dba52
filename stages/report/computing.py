"""What the rules of `rules.py` give: a value from what was measured, counted or timed, or why there is none."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from stages.report import grounds
from stages.report.published import PrintedCell
from stages.report.results import ARCHITECTURE, AVERAGE
from stages.report.rows import DEMO_NOTE, Context, why_unmeasured
from stages.report.rules import Beaten, Counted, Gain, NotRun, Quantile, Share, Timed
from stages.report.times import COMMAND

DEVICES = {"cpu": "processor", "cuda": "GPU"}  # by kind of machine
METRIC = "psnr"  # of which gains are
# From what decides a verdict first: a gain of two methods stands on the ground of one of them.
DECISIVE = (*grounds.NO_VERDICT, grounds.IMPLEMENTATION, grounds.SCHEDULE, grounds.WEIGHTS, "")
Place = tuple[str, str]  # title of a set, condition


@dataclass(frozen=True)
class Found:
    """What a rule gives.

    Attributes:
        value: None where there is none.
        remark: what restricts the value, or why there is none.
        measured: the method, network or filter that decides about it.
        node: of the DAG that made it, or empty.
        ground: on which the value stands.
    """

    value: float | None = None
    remark: str = ""
    measured: str = ""
    node: str = ""
    ground: str = ""


def found(rule: Any, cell: PrintedCell, context: Context) -> Found:
    """What a rule gives for one printed cell."""
    return COMPUTE[type(rule)](rule, cell, context)


def _counted(rule: Counted, cell: PrintedCell, context: Context) -> Found:
    value, remark = context.counted(rule.name, rule.metric)
    return Found(value, remark, rule.name, ARCHITECTURE, grounds.COUNT)


def _share(rule: Share, cell: PrintedCell, context: Context) -> Found:
    part, whole = (_counted(count, cell, context) for count in (rule.part, rule.whole))
    if part.value is None or whole.value is None:
        return Found(None, part.remark or whole.remark, rule.part.name)
    return Found(100 * part.value / whole.value, "", rule.part.name, ARCHITECTURE, grounds.COUNT)


def _gain(rule: Gain, cell: PrintedCell, context: Context) -> Found:
    methods = (rule.method, rule.over)
    if reason := _missing(methods, rule.places, context):
        return Found(None, reason)
    values = context.measured.values
    gains = [
        values[title, AVERAGE, condition, rule.method, METRIC] - values[title, AVERAGE, condition, rule.over, METRIC]
        for title, condition in rule.places
    ]
    return _measured(math.fsum(gains) / len(gains), methods, rule.places, context)


def _beaten(rule: Beaten, cell: PrintedCell, context: Context) -> Found:
    if reason := _missing((rule.method, *rule.others), rule.places, context):
        return Found(None, reason)
    best: dict[str, bool] = {}
    for item, gain in _gains(rule, context):
        best[item] = best.get(item, True) and gain >= 0
    value = sum(flag == rule.best for flag in best.values())
    return _measured(float(value), (rule.method, *rule.others), rule.places, context)


def _quantile(rule: Quantile, cell: PrintedCell, context: Context) -> Found:
    if reason := _missing((rule.method, *rule.others), rule.places, context):
        return Found(None, reason)
    gains = [gain for _, gain in _gains(rule, context)]
    return _measured(float(np.quantile(gains, rule.share)), (rule.method, *rule.others), rule.places, context)


def _gains(rule: Beaten | Quantile, context: Context) -> Iterable[tuple[str, float]]:
    """Every image and a method's gain on it over each other one that is measured there."""
    values = context.measured.values
    for (title, condition), other in product(rule.places, rule.others):
        for item in context.measured.items[title]:
            ours, theirs = (values.get((title, item, condition, name, METRIC)) for name in (rule.method, other))
            if ours is not None and theirs is not None:
                yield item, ours - theirs


def _missing(methods: Iterable[str], places: Iterable[Place], context: Context) -> str:
    """Why one of the averages is not there; empty where all are, or where no table prints that one either."""
    if context.demo:
        return DEMO_NOTE
    printed = {(cell.dataset, cell.condition, cell.method) for cell in context.cells if cell.item == AVERAGE}
    for name, (title, condition) in product(methods, places):
        wanted = (title, condition, name) in printed
        if wanted and (title, AVERAGE, condition, name, METRIC) not in context.measured.values:
            reason = why_unmeasured(context, title, name, AVERAGE, condition, METRIC)
            return f"{name} is not there at {condition}: {reason}"
    return ""


def _measured(value: float, methods: Iterable[str], places: tuple[Place, ...], context: Context) -> Found:
    title, condition = places[0]
    on = {name: grounds.ground(context.config, context.records, title, name, condition) for name in methods}
    decisive = min(on, key=lambda name: DECISIVE.index(on[name]))
    return Found(value, "", decisive, context.makers.get((title, decisive), ""), on[decisive])


def _timed(rule: Timed, cell: PrintedCell, context: Context) -> Found:
    times, size = context.times.get(rule.kind), cell.condition.partition("=")[2]
    if times is None:
        return Found(None, f"not measured on a {DEVICES[rule.kind]} yet; {COMMAND}")
    printed = {
        other.method: float(other.value)
        for other in context.cells
        if (other.paper, other.table, other.condition, other.metric)
        == (cell.paper, cell.table, cell.condition, cell.metric)
    }
    subjects = {name: subject for name, subject in rule.references if name in printed and name != cell.method}
    wanted = {cell.method: rule.subject, **subjects}
    if lacking := next((name for name, subject in wanted.items() if (subject, size) not in times.seconds), None):
        return Found(None, f"{lacking} is not measured yet at size {size}; {COMMAND}")
    if not subjects:
        return Found(None, "no other method of the column to compare with")
    faster = math.prod(printed[name] / times.seconds[subject, size] for name, subject in subjects.items())
    seconds = times.seconds[rule.subject, size]
    remark = f"{seconds:.3g} s on {times.machine}"
    return Found(seconds * faster ** (1 / len(subjects)), remark, rule.subject, "", grounds.TIME)


def _not_run(rule: NotRun, cell: PrintedCell, context: Context) -> Found:
    return Found(None, rule.reason)


COMPUTE: dict[type, Callable[[Any, PrintedCell, Context], Found]] = {
    Counted: _counted,
    Share: _share,
    Gain: _gain,
    Beaten: _beaten,
    Quantile: _quantile,
    Timed: _timed,
    NotRun: _not_run,
}
