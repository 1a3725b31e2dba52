"""The report's own drawings inside a page: lines that can be hidden, points that tell their values."""

import re
from dataclasses import dataclass
from html import escape

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from redenoise.dag.config import Config
from stages.report import drawing, figures
from stages.report.shown import number

POINTS = 72  # to the inch, the unit of lengths in an SVG file of matplotlib
HIDEABLE = ("learning_curves",)


@dataclass(frozen=True)
class Chart:
    """A drawing as an SVG element, and the names of the series that a reader may hide."""

    svg: Markup
    series: tuple[str, ...]


def chart(config: Config, name: str, caption: str) -> Chart:
    """A figure of `figures.DRAWN`; raises `UserError` if its data are not what the report writes."""
    figure = figures.drawn(config, name)
    # Written first: that lays the axes out, and so says where their points are.
    drawn, size = drawing.svg(figure), figure.get_size_inches() * POINTS
    lines = [(axis, line, str(line.get_gid())) for axis in figure.axes for line in axis.lines if line.get_gid()]
    names = tuple(dict.fromkeys(series for *_, series in lines))
    body = drawn[drawn.index(">", drawn.index("<svg")) + 1 : drawn.rindex("</svg>")].replace("*{", ".plot *{")
    for series in names:
        body = body.replace(f'<g id="{escape(series)}">', _group(series))
    # Two drawings of one page would have marks of one name.
    body = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", body)
    head = f'<svg class="plot" viewBox="0 0 {size[0]:g} {size[1]:g}" role="img" tabindex="0" '
    head += f'style="width: {size[0]:g}pt" aria-label="{escape(caption)}">'
    dots = "".join(_group(series) + _dots(figure, axis, line) + "</g>" for axis, line, series in lines)
    return Chart(Markup(f"{head}{body}{dots}</svg>"), names if name in HIDEABLE else ())


def _group(series: str) -> str:
    return f'<g class="series" data-name="{escape(series)}">'


def _dots(figure: Figure, axis: Axes, line: Line2D) -> str:
    """A circle over every point of a line, with what stands beside the drawing while it is chosen."""
    what, height = (axis.get_xlabel() or "step").split()[0], figure.get_figheight() * POINTS
    points = np.asarray(line.get_xydata())
    places = axis.transData.transform(points) * POINTS / figure.dpi  # from the lower left corner
    tips = (escape(f"{line.get_label()}: {what} {x:,.0f}, {number(y, 'psnr')} dB") for x, y in points)
    return "".join(
        f'<circle cx="{left:.1f}" cy="{height - up:.1f}" r="4" data-tip="{tip}"/>'
        for tip, (left, up) in zip(tips, places, strict=True)
    )
