"""The figures: learning curves, and parameters against PSNR, from the rows of the CSV files beside them.

A function draws each of them, `drawing` writes it: the report's pages, the site and the LaTeX document show one
drawing.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from redenoise.dag import options, paths
from redenoise.dag.config import Config
from redenoise.dag.levels import against_noise, noise_ranges
from redenoise.support import csv_tables
from redenoise.support.errors import UserError
from redenoise.support.numbers import EXACT, number
from stages.report import ablation, gains
from stages.report.drawing import COLORS, LOOK, count_axis, empty, look
from stages.report.kinds import Design, symbol
from stages.report.results import DEMO_PREFIX
from stages.report.tables import DESIGN_TABLES
from stages.report.xnet_figures import by_parameters, by_share
from stages.report.xnets import POINT_COLUMNS, SHARE_COLUMNS

Rows = Iterable[dict[str, str]]  # of a CSV file
Points = list[tuple[float, float]]

PANELS = 3  # of the learning curves, in a line
LABEL_SIDES = {  # offset in points, and which part of the label is there
    "left": ((-7, 0), "right", "center"),
    "above": ((0, 6), "center", "bottom"),
    "upper right": ((5, 3), "left", "bottom"),
    "lower right": ((5, -3), "left", "top"),
    "right": ((7, 0), "left", "center"),
    "below": ((0, -6), "center", "top"),
}
CLEAR = 2.0  # pixels around a label


@style.context(LOOK)
def learning_curves(config: Config, rows: Rows) -> Figure:
    """PSNR against the step, from the rows of learning_curves.csv.

    A panel for each validation set and noise level, and for each task that networks were trained through: on its
    training crops, since there is no validation. A line's id is its family or cascade, its label names the network.
    """
    panels: dict[str, dict[tuple[str, str], Points]] = defaultdict(dict)
    for (family, model), curve in _curves(rows).items():
        panels[_panel(config, family, model)][family, model] = curve
    if not panels:
        return empty("No training at this scale: there are no learning curves.")
    families = list(dict.fromkeys(family for curves in panels.values() for family, _ in curves))
    columns = min(PANELS, len(panels))
    lines = -(-len(panels) // columns)
    figure = Figure(figsize=(3.4 * columns + 2.2, 2.8 * lines + 0.4), layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False).flatten()
    for axis, (title, curves) in zip(axes, sorted(panels.items()), strict=False):
        for (family, model), points in curves.items():
            shown: dict[str, Any] = {"label": f"{family} {model}", "gid": family, **look(families.index(family))}
            axis.plot(*zip(*points, strict=True), marker="o" if len(points) < 10 else "", markersize=3, **shown)
        axis.set_title(title, fontsize="medium")
        count_axis(axis)
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    figure.supxlabel("step of the training", fontsize="medium")
    figure.supylabel("PSNR in dB", fontsize="medium")
    handles = [Line2D([], [], label=family, **look(index)) for index, family in enumerate(families)]
    figure.legend(handles=handles, loc="outside right upper", frameon=False, fontsize="small")
    return figure


@style.context(LOOK)
def parameters_psnr(config: Config, rows: Rows) -> Figure:
    """Parameters against PSNR of the printed table of designs, printed and measured points, from the rows of its CSV.

    A point's id is its design, its label says whether it is printed.
    """
    spec, demo, rows = DESIGN_TABLES[0], not config.settings["real_data"], list(rows)
    # At the demo scale the measured points are of other networks and images: not on one axis with the printed ones.
    kinds = {"measured": _designs(rows, "reproduced", demo)}
    if not demo:
        kinds["printed"] = _designs(rows, "published", demo)
    if not any(kinds.values()):
        return empty("No design was measured at this scale.")
    figure = Figure(figsize=(9.0, 6.0), layout="constrained")
    axis = figure.subplots()
    scales = list(dict.fromkeys(design.shown[0] for design in spec.designs))
    labels = []
    for design in spec.designs:
        points = {kind: found[design.item] for kind, found in kinds.items() if design.item in found}
        if points:
            labels.append((_design(axis, design, COLORS[scales.index(design.shown[0])], points), design.side))
    count_axis(axis)
    axis.set_xlabel("parameters" + (" of the full-size network" if demo else ""))
    axis.set_ylabel(f"average PSNR in dB, {'stand-ins for ' if demo else ''}{spec.dataset}, σ = {spec.sigma}")
    axis.margins(x=0.1, y=0.1)
    title = "" if kinds["measured"] else "No design is measured at this scale yet: printed values alone"
    if demo:
        title = "Demo scale: PSNR of miniature networks on stand-in images, nothing to compare with print"
    axis.set_title(title, fontsize="medium")
    dot: dict[str, Any] = {"marker": "o", "linestyle": ""}
    handles = [
        Line2D([], [], color=COLORS[index], label=f"{scale} scales", **dot) for index, scale in enumerate(scales)
    ]
    for kind, face in (("printed", "white"), ("measured", "black")):
        if kinds.get(kind):
            handles.append(Line2D([], [], color="black", markerfacecolor=face, label=kind, **dot))
    legend = axis.legend(handles=handles, loc="lower right", title="labels: encoder/decoder width", fontsize="small")
    figure.draw_without_rendering()  # lays the axes out, and so says where points and labels are
    dots = [line.get_window_extent() for line in axis.lines if line.get_marker() == "o"]
    _part(labels, [*dots, legend.get_window_extent()])
    return figure


# By the name of the figure's file: what draws it, from which file of the reports, and the columns that it needs.
DRAWN = {
    "learning_curves": (
        learning_curves,
        "learning_curves.csv",
        ("family", "model", "step", "training_psnr", "validation_psnr"),
    ),
    "parameters_psnr": (
        parameters_psnr,
        f"{DESIGN_TABLES[0].key}.csv",
        ("dataset", "item", "metric", "published", "reproduced"),
    ),
    "xnet_parameters": (by_parameters, "xnet_parameters.csv", POINT_COLUMNS),
    "xnet_share": (by_share, "xnet_share.csv", SHARE_COLUMNS),
    "dncnn_variants": (ablation.curves, "dncnn_variants.csv", ablation.COLUMNS),
    "noise_gain": (gains.curves, "noise_gain.csv", gains.COLUMNS),
}


def drawn(config: Config, name: str, texts: dict[str, str] | None = None) -> Figure:
    """A figure of `DRAWN` from the reports of a scale.

    Args:
        texts: the report's files by their path in the scale's folder, while they are not written yet.

    Raises:
        UserError: the figure's CSV file is missing, or not what the report writes.
    """
    draw, source, columns = DRAWN[name]
    path, again = paths.reports(config.scale) / source, "make the report again"
    if texts is None:
        rows = csv_tables.read(path, columns, again, others=True)
    else:
        rows = csv_tables.parse(texts[source], str(path), columns, again, others=True)
    try:
        return draw(config, rows)
    except ValueError as error:
        raise UserError(f"{path}: {error}; {again}") from None


def _curves(rows: Rows) -> dict[tuple[str, str], Points]:
    """(family, model) to (step, PSNR in dB): on validation images, or on training crops where there are none."""
    found: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        found[row["family"], row["model"]].append(row)
    curves = {}
    for name, curve in found.items():
        kind = "validation_psnr" if any(row["validation_psnr"] for row in curve) else "training_psnr"
        curves[name] = [(number(row["step"]), number(row[kind])) for row in curve if row[kind]]
    return curves


def _panel(config: Config, family: str, model: str) -> str:
    """The title of the panel of a network: what it is validated on, or the task that it was trained through."""
    if family in config.keys("cascade"):
        return f"through {config.entry('cascade', family)['task']}, training crops"
    if family not in config.keys("train") or model not in noise_ranges(config.entry("train", family)):
        return "other networks"  # of a build with other entries than params.yaml has today
    entry = config.entry("train", family)
    stand_ins = "" if config.settings["real_data"] else "stand-ins for "
    dataset = f"{stand_ins}{config.entry('download', entry['validation'])['title']}"
    low, high = noise_ranges(entry)[model]
    level = "σ" if against_noise(entry) else symbol(options.parameter(entry["degradation"]))
    return f"{level} = {high}, {dataset}" if low == high else f"{level} = {high} of {low} to {high}, {dataset}"


def _designs(rows: Rows, kind: str, stand_ins: bool) -> dict[str, tuple[float, float]]:
    """(parameters, PSNR in dB) of every design that has both; kind `published` as printed, `reproduced` as measured."""
    values = {
        (row["item"], row["metric"]): row[kind]
        for row in rows
        if row["metric"] == "params" or row["dataset"].startswith(DEMO_PREFIX) == stand_ins
    }
    pairs = {item: (values.get((item, "params")), values.get((item, "psnr"))) for item, _ in values}
    return {
        item: (number(count), number(psnr)) for item, (count, psnr) in pairs.items() if count and psnr and psnr != EXACT
    }


def _design(axis: Axes, design: Design, color: str, points: dict[str, tuple[float, float]]) -> Annotation:
    """Printed and measured point of one design, joined by a thin line, with one label, which is returned."""
    if len(points) == 2:
        axis.plot(*zip(*points.values(), strict=True), color=color, linewidth=0.6)
    faces = {"printed": "white", "measured": color}
    for kind, point in points.items():
        name: dict[str, Any] = {"label": f"{design.item}, {kind}", "gid": f"{design.item}-{kind}"}
        axis.plot(*point, color=color, marker="o", markerfacecolor=faces[kind], linestyle="", **name)
    labelled = points.get("printed") or points["measured"]
    return axis.annotate(design.label, labelled, (0, 0), textcoords="offset points", color=color, fontsize=8)


def _part(labels: list[tuple[Annotation, str]], taken: list[Bbox]) -> None:
    """Put each label on its own side of its point, or on the first where it meets no other label and nothing else."""
    for label, own in labels:
        for side in (own, *LABEL_SIDES, own):
            offset, anchor, height = LABEL_SIDES[side]
            label.set(position=offset, ha=anchor, va=height)
            box = label.get_window_extent().padded(CLEAR)
            if not any(box.overlaps(other) for other in taken):
                break
        taken = [*taken, box]
