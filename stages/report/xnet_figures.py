"""Figures 3 and 4 of Kligvasser et al. 2018, drawn from the rows of `xnets`."""

from collections import defaultdict
from collections.abc import Callable, Iterable

from matplotlib import style
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from redenoise.dag.config import Config
from redenoise.support.numbers import number
from stages.report.drawing import LOOK, empty, look, validated
from stages.report.xnets import FAMILIES

Row = dict[str, str]


def by_parameters(config: Config, rows: Iterable[Row]) -> Figure:
    """Figure 3: PSNR against parameters, a line for ConvNet and for every support of xNet."""
    return _lines(config, rows, "parameters", "parameters", _with_support)


def by_share(config: Config, rows: Iterable[Row]) -> Figure:
    """Figure 4: PSNR against the share of the parameters in activations, at one number of parameters."""
    rows = list(rows)
    total = int(number(rows[0]["parameters"])) if rows else 0
    return _lines(config, rows, "share", f"% of {total:,} parameters in activations", lambda row: row["network"])


@style.context(LOOK)
def _lines(config: Config, rows: Iterable[Row], column: str, title: str, name: Callable[[Row], str]) -> Figure:
    """PSNR against a column, a line for each name; a line's id is its label. Without PSNR, why there is none."""
    rows, curves = list(rows), defaultdict(list)
    for row in rows:
        if row["psnr"] and row[column]:
            curves[name(row)].append((number(row[column]), number(row["psnr"])))
    if not curves:
        return empty(f"Not run: {next((row['note'] for row in rows if row['note']), 'there are no such networks')}.")
    figure = Figure(figsize=(7.0, 4.2), layout="constrained")
    axis = figure.subplots()
    for index, (label, points) in enumerate(curves.items()):
        axis.plot(*zip(*sorted(points), strict=True), marker="o", markersize=4, label=label, gid=label, **look(index))
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    axis.set_xlabel(title)
    axis.set_ylabel(validated(config, FAMILIES))
    figure.legend(loc="outside right upper", frameon=False, fontsize="small")
    return figure


def _with_support(row: Row) -> str:
    return row["network"] if row["support"] == "0" else f"{row['network']} {row['support']}x{row['support']}"
