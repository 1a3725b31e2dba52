"""Figure 8 of Zhang et al. 2017: what blind networks gain over BM3D and CBM3D at ten noise levels."""

import math
from collections.abc import Iterable, Iterator
from itertools import groupby

from matplotlib import style
from matplotlib.figure import Figure

from redenoise.dag.config import Config
from redenoise.support.numbers import fixed, number
from stages.report.drawing import LOOK, empty, look
from stages.report.results import AVERAGE, DEMO_PREFIX
from stages.report.rows import Context

COLUMNS = ("dataset", "method", "over", "sigma", "gain", "note")
# Titles of sets of `downloads`, each with a network and the filter that it is compared with.
PAIRS = (("BSD68 (first 16)", "DnCNN-B", "BM3D"), ("CBSD68 (first 16)", "CDnCNN-B", "CBM3D"))
LEVELS = tuple(range(5, 55, 5))
NOT_MEASURED = "not measured on all images"


def rows(context: Context) -> Iterator[tuple[str, ...]]:
    """Differences of average PSNR by `COLUMNS`, dB with four decimals, or why there is none."""
    measured = context.measured
    for title, *methods in PAIRS:
        dataset = DEMO_PREFIX + title if context.demo else title
        for sigma in LEVELS:
            condition = f"sigma={sigma}"
            psnr = [measured.values.get((dataset, AVERAGE, condition, method, "psnr"), math.nan) for method in methods]
            gain = psnr[0] - psnr[1]
            reasons = (measured.why(title, method, condition) for method in methods)
            note = "" if math.isfinite(gain) else next(filter(None, reasons), NOT_MEASURED)
            yield dataset, *methods, str(sigma), "" if note else fixed(gain, 4), note


@style.context(LOOK)
def curves(config: Config, found: Iterable[dict[str, str]]) -> Figure:
    """Gain against noise level, a line for each set; a line's id is its label."""
    found = list(found)
    lines = [(key, list(line)) for key, line in groupby((row for row in found if row["gain"]), _label)]
    if not lines:
        return empty(f"Not run: {next(row['note'] for row in found)}.")
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axis = figure.subplots()
    for index, (label, line) in enumerate(lines):
        points = [(number(row["sigma"]), number(row["gain"])) for row in line]
        axis.plot(*zip(*points, strict=True), marker="o", markersize=4, label=label, gid=label, **look(index))
    axis.axhline(0.0, color="black", linewidth=0.6)
    axis.set_xlabel("σ")
    axis.set_ylabel(f"gain in average PSNR, dB{'' if config.settings['real_data'] else ', stand-ins'}")
    axis.legend(frameon=False, fontsize="small")
    return figure


def _label(row: dict[str, str]) -> str:
    return f"{row['method']} over {row['over']}, {row['dataset'].removeprefix(DEMO_PREFIX)}"
