"""The figures, as SVG: learning curves, and parameters against PSNR. The same numbers give the same bytes."""

import io
from collections import defaultdict
from collections.abc import Iterable

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

from redenoise.dag.config import Config
from stages.report.designs import place
from stages.report.kinds import Design, DesignTable
from stages.report.rows import Comparison
from stages.report.weights import Network, Records, trained

# Over the defaults of matplotlib, whatever a user's own settings are. Text stays text, so that a changed word is a
# changed line; the white ground makes the figures readable on a dark page too.
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "redenoise",
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": 9.0,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "axes.grid": True,
    "grid.color": "#dddddd",
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
COLORS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#e377c2", "#7f7f7f")
DASHES = ("-", "--", ":")
PANELS = 3  # of the learning curves, in a line
LABEL_SIDES = {  # offset in points, and which part of the label is there
    "left": ((-7, 0), "right", "center"),
    "above": ((0, 6), "center", "bottom"),
    "upper right": ((5, 3), "left", "bottom"),
    "lower right": ((5, -3), "left", "top"),
}
WITHOUT_DATE = {"Date": None, "Creator": None}


def learning_curves(config: Config, records: Records) -> str:
    """Validation PSNR against the step, one panel for each validation set and noise level, as SVG."""
    panels: dict[tuple[str, str], list[Network]] = defaultdict(list)
    for network in trained(config, records):
        if network.last_validation is not None:
            entry = config.entry("train", network.family)
            dataset = config.entry("download", entry["validation"])["title"]
            panels[dataset, _levels(entry, network.model)].append(network)
    if not panels:
        return _empty("No training at this scale: there are no learning curves.")
    families = list(dict.fromkeys(network.family for members in panels.values() for network in members))
    with style.context(["default", STYLE]):
        columns = min(PANELS, len(panels))
        rows = -(-len(panels) // columns)
        figure = Figure(figsize=(3.4 * columns + 2.2, 2.8 * rows + 0.4), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False).flatten()
        for axis, ((dataset, levels), members) in zip(axes, sorted(panels.items()), strict=False):
            _curves(axis, members, families)
            stand_ins = "" if config.settings["real_data"] else "stand-ins for "
            axis.set_title(f"{levels}, {stand_ins}{dataset}", fontsize="medium")
        for axis in axes[len(panels) :]:
            axis.set_axis_off()
        figure.supxlabel("step of the training", fontsize="medium")
        figure.supylabel("PSNR on the validation images in dB", fontsize="medium")
        handles = [Line2D([], [], label=family, **_look(index)) for index, family in enumerate(families)]
        figure.legend(handles=handles, loc="outside right upper", frameon=False, fontsize="small")
        return _svg(figure)


def parameters_psnr(comparisons: Iterable[Comparison]) -> str:
    """Parameters against PSNR of the printed table of designs, printed and measured points, as SVG."""
    comparison = next(found for found in comparisons if isinstance(found.spec, DesignTable))
    spec, demo = comparison.spec, comparison.demo
    measured = _points(comparison, "reproduced")
    # At the demo scale the measured points are of other networks and images: not on one axis with the printed ones.
    printed = {} if demo else _points(comparison, "published")
    if not measured and not printed:
        return _empty("No design was measured at this scale.")
    with style.context(["default", STYLE]):
        figure = Figure(figsize=(9.0, 6.0), layout="constrained")
        axis = figure.subplots()
        scales = list(dict.fromkeys(design.shown[0] for design in spec.designs))
        for design in spec.designs:
            color = COLORS[scales.index(design.shown[0])]
            _design(axis, design, color, printed.get(design.item), measured.get(design.item))
        axis.set_xscale("log")
        _count_axis(axis)
        axis.set_xlabel("parameters" + (" of the full-size network" if demo else ""))
        axis.set_ylabel(f"average PSNR in dB, {'stand-ins for ' if demo else ''}{spec.dataset}, σ = {spec.sigma}")
        axis.margins(x=0.1, y=0.1)
        axis.set_title(_title(demo, measured), fontsize="medium")
        handles = [Line2D([], [], marker="o", linestyle="", color=color, label=f"{scale} scales")
                   for scale, color in zip(scales, COLORS, strict=False)]  # fmt: skip
        kinds = (("printed", "white", printed), ("measured", "black", measured))
        handles += [
            Line2D([], [], marker="o", linestyle="", color="black", markerfacecolor=face, label=kind)
            for kind, face, found in kinds
            if found
        ]
        axis.legend(handles=handles, loc="lower right", title="labels: encoder/decoder width", fontsize="small")
        return _svg(figure)


def _levels(entry: dict, model: str) -> str:
    """The noise level at which a network is validated, the highest that it serves, in words."""
    if "sigmas" in entry:
        return f"σ = {model.removeprefix('sigma')}"
    low, high = entry["sigma_range"]
    return f"σ = {high} of {low} to {high}"


def _look(index: int) -> dict:
    """Colour and dashes of a family: the dashes change when the colours are used up."""
    return {"color": COLORS[index % len(COLORS)], "linestyle": DASHES[index // len(COLORS) % len(DASHES)]}


def _curves(axis: Axes, members: list[Network], families: list[str]) -> None:
    for network in members:
        points = [(step, validated) for step, _, _, validated in network.card["curve"] if validated is not None]
        marker = "o" if len(points) < 10 else ""
        axis.plot(*zip(*points, strict=True), marker=marker, markersize=3, **_look(families.index(network.family)))
    axis.set_xscale("log")
    _count_axis(axis)


def _count_axis(axis: Axes) -> None:
    """Labels such as 200, 1k, 5M on a logarithmic axis: 1, 2, 5 of every power of ten, over long ranges 1 alone."""
    low, high = axis.get_xlim()
    axis.xaxis.set_major_locator(LogLocator(subs=(1.0,) if high > 100 * low else (1.0, 2.0, 5.0)))
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    axis.xaxis.set_minor_locator(NullLocator())


def _points(comparison: Comparison, kind: str) -> dict[str, tuple[float, float]]:
    """(parameters, PSNR in dB) of every design that has both; kind `published` as printed, `reproduced` as measured."""
    points = {}
    for design in comparison.spec.designs:
        count = comparison.printed.get(place(comparison.spec, design.item, "params"))
        psnr = comparison.shown.get(place(comparison.spec, design.item, "psnr"))
        values = [getattr(row, kind) for row in (count, psnr) if row is not None]
        if len(values) == 2 and all(value not in (None, "") for value in values):
            points[design.item] = (float(values[0]), float(values[1]))
    return points


def _design(axis: Axes, design: Design, color: str, printed: tuple | None, measured: tuple | None) -> None:
    """Printed and measured point of one design, joined by a thin line, with one label."""
    if printed and measured:
        axis.plot(*zip(printed, measured, strict=True), color=color, linewidth=0.6)
    for point, face in ((printed, "white"), (measured, color)):
        if point:
            axis.plot(*point, marker="o", color=color, markerfacecolor=face, linestyle="")
    labelled = printed or measured
    if labelled:
        offset, anchor, height = LABEL_SIDES[design.side]
        place_at = {"xytext": offset, "textcoords": "offset points", "ha": anchor, "va": height}
        axis.annotate(design.label, labelled, color=color, fontsize=8, **place_at)


def _title(demo: bool, measured: dict) -> str:
    if demo:
        return "Demo scale: PSNR of miniature networks on stand-in images, nothing to compare with print"
    return "" if measured else "No design is measured at this scale yet: printed values alone"


def _empty(text: str) -> str:
    """A figure without data, which says so."""
    with style.context(["default", STYLE]):
        figure = Figure(figsize=(6.0, 1.2))
        figure.text(0.5, 0.5, text, ha="center", va="center")
        return _svg(figure)


def _svg(figure: Figure) -> str:
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata=WITHOUT_DATE)
    # Matplotlib ends some lines in a blank.
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"
