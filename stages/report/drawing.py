"""How the report's figures look, and how they are written: matplotlib, SVG for pages and PDF for LaTeX.

The same numbers give the same bytes.
"""

import io
from collections.abc import Iterable
from textwrap import fill
from typing import Any

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

from redenoise.dag.config import Config

# Over the defaults of matplotlib, whatever a user's own settings are. Text stays text, so that a changed word is a
# changed line, and a name with dollar signs is no formula; the white ground makes the figures readable on a dark page.
LOOK: list[str | dict[str, Any]] = [
    "default",
    {
        "svg.fonttype": "none",
        "svg.hashsalt": "redenoise",
        "pdf.fonttype": 42,
        "text.parse_math": False,
        "font.family": ["DejaVu Sans", "sans-serif"],
        "font.size": 9.0,
        "figure.facecolor": "white",
        "savefig.facecolor": "white",
        "axes.grid": True,
        "grid.color": "#dddddd",
        "axes.axisbelow": True,
        # Where DejaVu Sans is not there a browser takes another font: a wider one must not reach the title of an axis.
        "axes.labelpad": 10.0,
        "figure.constrained_layout.w_pad": 0.12,
        "figure.constrained_layout.h_pad": 0.08,
        "axes.spines.top": False,
        "axes.spines.right": False,
    },
]
COLORS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#e377c2", "#7f7f7f")
DASHES = ("-", "--", ":")
UNDATED = {"svg": {"Date": None, "Creator": None}, "pdf": {"CreationDate": None, "Creator": None, "Producer": None}}


def svg(figure: Figure) -> str:
    """A figure as SVG."""
    # Matplotlib ends some lines in a blank.
    return "\n".join(line.rstrip() for line in _written(figure, "svg").decode().splitlines()) + "\n"


def pdf(figure: Figure) -> bytes:
    """A figure as PDF."""
    return _written(figure, "pdf")


@style.context(LOOK)
def _written(figure: Figure, form: str) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format=form, metadata=UNDATED[form])
    return stream.getvalue()


def look(index: int) -> dict[str, Any]:
    """Colour and dashes of a family: the dashes change when the colours are used up, and no two look alike."""
    turn, color = divmod(index, len(COLORS))
    dashes = DASHES[turn] if turn < len(DASHES) else (0, (6, 2, *(1, 2) * (turn - 1)))  # so many dots between dashes
    return {"color": COLORS[color], "linestyle": dashes}


def validated(config: Config, families: Iterable[str]) -> str:
    """Title of the axis of the PSNR on which the first family that is there is validated, at its one noise level."""
    entry = config.entry("train", next(family for family in families if family in config.keys("train")))
    stand_ins = "" if config.settings["real_data"] else "stand-ins for "
    dataset = config.entry("download", entry["validation"])["title"]
    return f"PSNR in dB, {stand_ins}{dataset}, σ = {entry['sigmas'][0]}"


def count_axis(axis: Axes) -> None:
    """Labels such as 200, 1k, 5M on a logarithmic axis: 1, 2, 5 of every power of ten, over long ranges 1 alone."""
    axis.set_xscale("log")
    low, high = axis.get_xlim()
    axis.xaxis.set_major_locator(LogLocator(subs=(1.0,) if high > 100 * low else (1.0, 2.0, 5.0)))
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    axis.xaxis.set_minor_locator(NullLocator())


def empty(text: str) -> Figure:
    """A figure without data, which says so."""
    figure = Figure(figsize=(6.0, 1.2))
    figure.text(0.5, 0.5, fill(text, 70), ha="center", va="center")
    return figure
