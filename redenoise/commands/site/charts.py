"""The report's own drawings inside a page: lines that can be hidden, points that tell their values."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from redenoise.dag.config import Config
from stages.report import figures

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
    drawn, size = figures.svg(figure), figure.get_size_inches() * POINTS
    lines = [line for axis in figure.axes for line in axis.lines if line.get_gid()]
    names = tuple(dict.fromkeys(line.get_gid() for line in lines))
    body = drawn[drawn.index(">", drawn.index("<svg")) + 1 : drawn.rindex("</svg>")].replace("*{", ".plot *{")
    for series in names:
        body = body.replace(f'<g id="{escape(series)}">', _group(series))
    # Two drawings of one page would have marks of one name.
    body = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", body)
    head = f'<svg class="plot" viewBox="0 0 {size[0]:g} {size[1]:g}" role="img" tabindex="0" '
    head += f'style="width: {size[0]:g}pt" aria-label="{escape(caption)}">'
    dots = "".join(_dots(figure, line) for line in lines)
    return Chart(Markup(f"{head}{body}{dots}</svg>"), names if name in HIDEABLE else ())


def _group(series: str) -> str:
    return f'<g class="series" data-name="{escape(series)}">'


def _dots(figure: Figure, line: Line2D) -> str:
    """A circle over every point of a line, with what stands beside the drawing while it is chosen."""
    what = (line.axes.get_xlabel() or "step").split()[0]
    circles = (
        f'<circle cx="{left:.1f}" cy="{top:.1f}" r="4" data-tip="{escape(f"{line.get_label()}: {what} {x:,.0f}")}, '
        f'{y:.2f} dB"/>'
        for (x, y), (left, top) in zip(line.get_xydata(), _places(figure, line), strict=True)
    )
    return f"{_group(line.get_gid())}{''.join(circles)}</g>"


def _places(figure: Figure, line: Line2D) -> Iterator[tuple[float, float]]:
    """Where the points of a line are in the file: to the right and down, in its units."""
    height = figure.get_figheight() * POINTS
    for x, y in line.axes.transData.transform(line.get_xydata()) * POINTS / figure.dpi:
        yield x, height - y
