"""The charts of the page about training: learning curves, and parameters against PSNR."""

import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from redenoise.commands.site.cells import Cell
from redenoise.commands.site.charts import Chart, Point, Series, axis
from redenoise.dag.config import Config
from redenoise.support.errors import UserError
from stages.report.kinds import Design, DesignTable
from stages.report.results import DEMO_PREFIX
from stages.report.training import CURVE_COLUMNS

VALUES = CURVE_COLUMNS[2:]  # step, rate, and the two PSNR; the columns before them, and any other, tell curves apart
TRAINING, VALIDATION = VALUES[2:]


@dataclass(frozen=True)
class Curve:
    """One network's learning curve: `name` is its family or cascade, `which` its model and what else tells it apart."""

    name: str
    which: str
    rows: tuple[dict[str, str], ...]

    def points(self, kind: str) -> tuple[Point, ...]:
        """(step, PSNR in dB) where there is one."""
        label = {TRAINING: "training", VALIDATION: "validation"}[kind]
        found = [(float(row["step"]), float(row[kind])) for row in self.rows if row[kind]]
        text = f"{self.name} {self.which}"
        return tuple(Point(x, y, f"{text}: step {x:,.0f}, {label} {y:.2f} dB") for x, y in found)


@dataclass(frozen=True)
class Panel:
    """A chart with the curves that share a validation set and a noise level, or the task of their cascades."""

    chart: Chart
    curves: tuple[Curve, ...]


def load(folder: Path) -> list[Curve]:
    """The curves in the order of learning_curves.csv; raises `UserError` if it is missing or not such a CSV."""
    path = folder / "learning_curves.csv"
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream, strict=True))
        groups: dict[tuple[str, ...], list[dict[str, str]]] = defaultdict(list)
        for row in rows:
            _ = float(row["step"]), [float(row[name]) for name in VALUES if row[name]]
            which = (value for name, value in row.items() if name not in (*VALUES, "family"))
            groups[row["family"], *which].append(row)
    except FileNotFoundError:
        raise UserError(f"{path}: missing; run `python -m stages.report` first") from None
    except (csv.Error, KeyError, ValueError, TypeError) as error:
        expected = f"expected the columns {','.join(CURVE_COLUMNS)}"
        raise UserError(f"{path}: not understood ({error}); {expected}; run `python -m stages.report` again") from None
    return [Curve(name, " ".join(which), tuple(rows)) for (name, *which), rows in groups.items()]


def panels(config: Config, curves: list[Curve]) -> list[Panel]:
    """The charts: validation PSNR of the networks trained alone, training PSNR of those trained through a task."""
    looks = {name: index for index, name in enumerate(dict.fromkeys(curve.name for curve in curves))}
    groups: dict[str, list[Curve]] = defaultdict(list)
    for curve in curves:
        groups[_title(config, curve)].append(curve)
    return [_panel(title, found, looks) for title, found in sorted(groups.items())]


def legend(found: list[Panel]) -> list[tuple[str, int]]:
    """(name, look) of every series, once."""
    return list(dict.fromkeys((series.name, series.look) for panel in found for series in panel.chart.series))


def _title(config: Config, curve: Curve) -> str:
    if curve.name in config.keys("cascade"):
        return f"Trained through {config.entry('cascade', curve.name)['task']}"
    if curve.name not in config.keys("train"):
        return "Other networks"
    entry = config.entry("train", curve.name)
    stand_ins = "" if config.settings["real_data"] else "stand-ins for "
    title = f"{stand_ins}{config.entry('download', entry['validation'])['title']}"
    if "sigmas" in entry:
        return f"{title}, σ = {curve.which.split()[0].removeprefix('sigma')}"
    low, high = entry["sigma_range"]
    return f"{title}, σ = {high} of {low} to {high}"


def _panel(title: str, curves: list[Curve], looks: dict[str, int]) -> Panel:
    watched = [curve for curve in curves if curve.points(VALIDATION)]
    kind, word = (VALIDATION, "validation images") if watched else (TRAINING, "training crops")
    series = [Series(curve.name, looks[curve.name], curve.points(kind)) for curve in watched or curves]
    points = [point for one in series for point in one.points]
    described = f"PSNR on the {word} against the step, {len(series)} networks; the last values are in the table above."
    x = axis("step of the training", [point.x for point in points], log=True)
    y = axis(f"PSNR in dB, {word}", [point.y for point in points])
    return Panel(Chart(title, described, x, y, tuple(series)), tuple(curves))


def designs(spec: DesignTable, cells: list[Cell]) -> Chart | None:
    """Parameters against average PSNR of a table of designs, printed hollow and measured filled; None without any."""
    demo = any(cell.stand_in for cell in cells)
    found = {(cell.item, cell.metric, cell.stand_in): cell for cell in cells}
    scales = list(dict.fromkeys(design.shown[0] for design in spec.designs))
    groups: dict[tuple[str, str], list[Point]] = defaultdict(list)
    for design in spec.designs:
        count, psnr = found.get((design.item, "params", False)), found.get((design.item, "psnr", demo))
        # At the demo scale the measured points are of other images: not on one axis with the printed ones.
        for kind, name in (("published", "printed"), ("reproduced", "measured")):
            values = [getattr(cell, kind) if cell else "" for cell in (count, psnr)]
            if all(values):
                x, y = map(float, values)
                tip = f"{design.item}, {name}: {x:,.0f} parameters, {y:.2f} dB"
                groups[design.shown[0], name].append(Point(x, y, tip, _label(design, groups, name), design.side))
    points = [point for group in groups.values() for point in group]
    if not points:
        return None
    kinds = {"printed": "hollow", "measured": ""}
    series = tuple(
        Series(f"{scale} scales, {name}", scales.index(scale), tuple(group), kinds[name], joined=False)
        for (scale, name), group in groups.items()
    )
    of = f"{'stand-ins for ' if demo else ''}{spec.dataset.removeprefix(DEMO_PREFIX)}, σ = {spec.sigma}"
    x = axis("parameters", [point.x for point in points], log=True)
    y = axis("average PSNR in dB", [point.y for point in points])
    described = f"{len(points)} points; the values are in the table of the designs."
    return Chart(f"Parameters and PSNR of the designs, {of}", described, x, y, series)


def _label(design: Design, groups: dict, name: str) -> str:
    """The label of a design, at its printed point alone where it has both."""
    printed = any(point.tip.startswith(f"{design.item},") for point in groups.get((design.shown[0], "printed"), []))
    return "" if name == "measured" and printed else design.label
